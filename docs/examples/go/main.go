// Command go is the Go of docs/api: it watches attempts, or publishes an event.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/Khan/genqlient/graphql"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	server, token := os.Getenv("HOOKGRAPH_URL"), os.Getenv("HOOKGRAPH_TOKEN")
	if len(os.Args) == 4 && os.Args[1] == "publish" {
		if err := publish(ctx, server, token, os.Args[2], os.Args[3]); err != nil {
			log.Fatal(err)
		}
		return
	}
	// Now, as a time: what happens before the first attempt comes after a reconnect, too.
	err := watch(ctx, server, token, time.Now(), func(a attempt) {
		if a.Event != nil {
			fmt.Println(a.Event.Id, a.Event.Type, a.Number, a.Status)
		}
	})
	if ctx.Err() == nil {
		log.Fatal(err)
	}
}

// publish publishes data, which is JSON, once: asking again with the same key changes nothing.
func publish(ctx context.Context, server, token, eventType, data string) error {
	client := graphql.NewClient(server+"/graphql", &http.Client{Transport: bearer(token), Timeout: 30 * time.Second})
	raw := json.RawMessage(data)
	answer, err := PublishEvent(ctx, client, PublishEventInput{Type: eventType, Data: &raw, IdempotencyKey: &data})
	if err != nil {
		return err // the server did not answer, or with an error of its own: see extensions.code
	}
	for _, e := range answer.PublishEvent.UserErrors {
		return fmt.Errorf("%v: %s (%s)", e.Field, e.Message, e.Code)
	}
	fmt.Println(answer.PublishEvent.Event.Id)
	return nil
}

// bearer adds the token to each request.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}
