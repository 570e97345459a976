package cli

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Who follows what the demo's receivers say solves the incident: where they have moved, requests to the same webhook are accepted.
func TestDemoReceiverAcceptsWhereItMoved(t *testing.T) {
	r, err := newDemoReceiver(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	secret := &webhook.Secret{Scheme: webhook.SchemeHMAC}
	secret.SetKey(bytes.Repeat([]byte{1}, 32))
	send := func(url string) (status int, said string) {
		t.Helper()
		id, now, body := webhook.NewID(time.Now()), time.Now(), []byte(`{}`)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("webhook-id", id.String())
		req.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
		req.Header.Set("webhook-signature", string(webhook.AppendSignature(nil, []*webhook.Secret{secret}, id, now, body)))
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, res.Header.Get("Location") + string(text)
	}
	for path, want := range map[string]int{demoOldPath: http.StatusNotFound, demoMovedPath: http.StatusPermanentRedirect} {
		if err := r.trust(path, "whsec_"+base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32))); err != nil {
			t.Fatal(err)
		}
		status, said := send(r.url(path))
		_, to, _ := strings.Cut(said, " at ") // of the body; a Location is all of it
		if to = strings.TrimSpace(to); to == "" {
			to = strings.TrimPrefix(said, r.url(""))
		}
		if status != want || !strings.Contains(to, "/v2/") {
			t.Fatalf("%s: %d %q", path, status, said)
		}
		for range 1000 { // now and then it has too much to do
			if status, said = send(r.url(to)); status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
				break
			}
		}
		if status != http.StatusNoContent {
			t.Errorf("%s, where %s has moved: %d %s", to, path, status, said)
		}
	}
}
