// Command receiver registers itself as a webhook, verifies what it receives, and prints it. TOKEN is a token with the scope
// webhooks:write. The server must allow private targets.
package main

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	key, err := register(cmp.Or(os.Getenv("HOOKGRAPH_URL"), "http://localhost:8080"), os.Getenv("TOKEN"), "http://"+l.Addr().String()+"/")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("receiver: registered, waiting for events")
	server := http.Server{ReadTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil || !verified(key, r.Header, body) {
			http.Error(w, "the signature is not valid", http.StatusUnauthorized)
			return
		}
		// An event can arrive more than once, with the same webhook-id.
		fmt.Printf("receiver: verified %s %s\n", r.Header.Get("webhook-id"), body)
		w.WriteHeader(http.StatusNoContent)
	})}
	log.Fatal(server.Serve(l))
}

// register creates a webhook and returns the key that verifies its signatures.
func register(server, token, url string) ([]byte, error) {
	req, err := http.NewRequest("POST", server+"/v1/webhooks", strings.NewReader(fmt.Sprintf(`{"url": %q}`, url)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var made struct {
		Secret string
		Error  struct{ Message string }
	}
	if err := json.NewDecoder(res.Body).Decode(&made); err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusCreated {
		return nil, fmt.Errorf("register: %s: %s", res.Status, made.Error.Message)
	}
	return base64.StdEncoding.DecodeString(strings.TrimPrefix(made.Secret, "whsec_"))
}

// verified checks the signature of Standard Webhooks: one of those in the header must be valid, and the time recent.
func verified(key []byte, h http.Header, body []byte) bool {
	sent, err := strconv.ParseInt(h.Get("webhook-timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(sent, 0)).Abs() > 5*time.Minute {
		return false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(fmt.Appendf(nil, "%s.%d.%s", h.Get("webhook-id"), sent, body))
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for signature := range strings.SplitSeq(h.Get("webhook-signature"), " ") {
		if hmac.Equal([]byte(signature), []byte(want)) {
			return true
		}
	}
	return false
}
