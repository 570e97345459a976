// Command go is the Go example of docs/api: it watches attempts, or publishes an event.
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
	// A start time: after a reconnect before the first attempt, nothing is missed.
	err := watch(ctx, server, token, time.Now(), func(a attempt) {
		if a.Event != nil {
			fmt.Println(a.Event.Id, a.Event.Type, a.Number, a.Status)
		}
	})
	if ctx.Err() == nil {
		log.Fatal(err)
	}
}

// publish publishes data, which is JSON. data is also the idempotency key, so repeating the call publishes nothing new.
func publish(ctx context.Context, server, token, eventType, data string) error {
	client := graphql.NewClient(server+"/graphql", &http.Client{Transport: bearer(token), Timeout: 30 * time.Second})
	raw := json.RawMessage(data)
	answer, err := PublishEvent(ctx, client, PublishEventInput{Type: eventType, Data: &raw, IdempotencyKey: &data})
	if err != nil {
		return err // no response, or an error with extensions.code
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
