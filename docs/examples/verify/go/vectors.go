// Command go verifies the vectors in a file: go run ./docs/examples/verify/go docs/vectors.json
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	log.SetFlags(0)
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			Name    string
			Keys    []string
			Headers map[string]string
			Body    string
			Now     int64
			Valid   bool
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		log.Fatal(err)
	}
	agree := 0
	for _, v := range file.Vectors {
		h := http.Header{}
		for name, value := range v.Headers {
			h.Set(name, value)
		}
		err := Verify(v.Keys, h, []byte(v.Body), time.Unix(v.Now, 0))
		if (err == nil) != v.Valid {
			log.Fatalf("go: %s: %v", v.Name, err)
		}
		agree++
	}
	fmt.Printf("go: %d agree, 0 skipped\n", agree)
}
