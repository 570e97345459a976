package remote

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/client"
)

type healthCmd struct {
	URL     string        `name:"url" env:"HOOKGRAPH_URL" default:"http://127.0.0.1:8080" placeholder:"URL" help:"Address of the server."`
	Timeout time.Duration `default:"5s" help:"How long to wait for the answer."`
}

// Run asks the server whether it is ready, prints what it says, and fails if it is not.
func (c *healthCmd) Run(ctx context.Context, s *Streams) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	if err := client.CheckURL(c.URL); err != nil {
		return fmt.Errorf("--url: %w", err)
	}
	if c.Timeout == 0 {
		return errors.New("--timeout: must be longer than 0")
	}
	server := client.Client{URL: strings.TrimSuffix(c.URL, "/")}
	said, err := server.Get(ctx, "/readyz")
	if err != nil {
		return fmt.Errorf("not ready: %w", err)
	}
	_, err = fmt.Fprintln(s.Out, Printable(strings.TrimSpace(string(said))))
	return err
}
