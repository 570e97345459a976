package remote

import (
	"context"
	"encoding/json"
	"errors"
)

type searchCmd struct {
	connection
	output
	Text string `arg:"" help:"An ID or the beginning of one, an idempotency key, a tag, an external ID, a part of a URL or of a tenant's name."`
}

type hitRow struct {
	Kind   string `json:"__typename"`
	ID     string
	URL    string
	Type   string
	Status string
	Name   string
}

// Run searches.
func (c *searchCmd) Run(ctx context.Context, s *Streams) error {
	var hits []json.RawMessage
	err := c.query(ctx, `query ($text: String!) { done: search(text: $text) {
		__typename
		... on Webhook { id url description } ... on Event { id type createdAt } ... on Delivery { id status webhookUrl createdAt }
		... on Tenant { id name } ... on Token { id name }
	} }`, map[string]any{"text": c.Text}, &hits)
	if err != nil {
		return err
	}
	if len(hits) == 0 {
		return errors.New("nothing is found: search looks for IDs, keys, tags, and parts of URLs and names; for events of a type, use: hookgraph events --type TYPE")
	}
	return rows(s.Out, c.output, true, "KIND\tID\tWHAT", hits, func(h *hitRow) []string {
		return []string{h.Kind, h.ID, h.URL + h.Type + h.Status + h.Name}
	})
}
