package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/hookgraph/hookgraph/internal/client"
	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/doctor"
	"github.com/hookgraph/hookgraph/internal/store"
)

type doctorCmd struct {
	config.Config

	JSON    bool          `name:"json" help:"Print JSON: an object with the worst status, and the checks."`
	Strict  bool          `help:"Fail on warnings, too."`
	Full    bool          `help:"Look at everything, for as long as it takes. Without it, each check of the database looks at the newest 1,000,000 rows of a table at most."`
	Within  time.Duration `default:"10s" help:"How long one check may take, 0 for no limit. What it leaves out then is shown."`
	Network bool          `help:"Ask each resolver of this host a question. Without --network, --reach and --url nothing is sent, except to the database."`
	Reach   []string      `placeholder:"URL" sep:"none" help:"Connect to this URL as the server connects to a receiver, and compare its clock. May be repeated, 10 times at most."`
	URL     string        `name:"url" placeholder:"URL" help:"Ask the server at this address whether it is ready, and compare its clock."`
	Fix     bool          `help:"Correct the numbers of pending and held deliveries where they differ from the deliveries. Nothing else is changed."`
}

// doctorRows is how many rows of a table a check looks at without --full.
const doctorRows = 1_000_000

// Run examines what a server needs, and returns an error if something is wrong.
func (c *doctorCmd) Run(ctx context.Context, env *Env, vars *variables) error {
	if c.Within < 0 {
		return fmt.Errorf("--within: must be 0, no limit, or longer")
	}
	if len(c.Reach) > doctor.MostReach {
		return fmt.Errorf("--reach: give at most %d", doctor.MostReach)
	}
	for _, address := range c.Reach {
		if err := client.CheckReceiver(address); err != nil {
			return fmt.Errorf("--reach: %w", err)
		}
	}
	if c.URL != "" {
		if err := client.CheckURL(c.URL); err != nil {
			return fmt.Errorf("--url: %w", err)
		}
	}
	o := doctor.Options{
		Config: &c.Config, Invalid: vars.name(c.Check(env.Getenv)), Warnings: env.warnings, Getenv: env.Getenv,
		Within: c.Within, Rows: doctorRows, Network: c.Network, Reach: c.Reach, Server: c.URL,
	}
	if c.Full {
		o.Within, o.Rows = 0, 0
	}
	if c.Fix && o.Invalid == nil {
		if err := c.mend(ctx, env); err != nil {
			return err
		}
	}
	results, err := doctor.Examine(ctx, o)
	if err != nil {
		return err
	}
	show := showResults
	if c.JSON {
		show = writeResults
	}
	if err := show(env.Stdout, results); err != nil {
		return err
	}
	n := count(results)
	if wrong := n[doctor.Failed]; wrong > 0 || c.Strict && n[doctor.Warning] > 0 {
		return fmt.Errorf("problems found: %d, and %d warnings", wrong, n[doctor.Warning])
	}
	return nil
}

func count(results []doctor.Result) map[doctor.Status]int {
	n := map[doctor.Status]int{}
	for _, r := range results {
		n[r.Status]++
	}
	return n
}

// writeResults writes JSON.
func writeResults(w io.Writer, results []doctor.Result) error {
	worst := doctor.OK
	n := count(results)
	for _, s := range []doctor.Status{doctor.Warning, doctor.Failed} {
		if n[s] > 0 {
			worst = s
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Status doctor.Status   `json:"status"`
		Checks []doctor.Result `json:"checks"`
	}{worst, results})
}

// showResults writes a table, and below each check what it means and what to do.
func showResults(w io.Writer, results []doctor.Result) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range results {
		status := strings.ToLower(string(r.Status))
		if r.Status == doctor.Failed {
			status = string(r.Status)
		}
		for i, line := range strings.Split(visible(r.Found), "\n") {
			if i == 0 {
				_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", status, r.Name, line)
			} else {
				_, _ = fmt.Fprintf(table, "\t\t%s\n", line)
			}
		}
		for _, more := range []struct{ what, text string }{{"means", r.Means}, {"do", r.Do}, {"not looked at", r.NotLookedAt}} {
			if more.text != "" {
				_, _ = fmt.Fprintf(table, "\t\t%s: %s\n", more.what, strings.ReplaceAll(visible(more.text), "\n", "; "))
			}
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	n := count(results)
	_, err := fmt.Fprintf(w, "\n%d checks: %d ok, %d skipped, %d warnings, %d failed\n", len(results), n[doctor.OK], n[doctor.Skipped], n[doctor.Warning], n[doctor.Failed])
	return err
}

// visible replaces what would steer a terminal: servers and resolvers answer with any text.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

func (c *doctorCmd) mend(ctx context.Context, env *Env) error {
	o := store.At(c.Database)
	o.Logger, o.MasterKeys = c.Logger(env.Stderr), c.MasterKeys
	wrong, err := store.MendBacklog(ctx, o)
	if err != nil {
		return fmt.Errorf("nothing is corrected: %w", err)
	}
	for _, m := range wrong {
		_, _ = fmt.Fprintf(env.Stderr, "corrected: webhook %s of tenant %s has %d deliveries that are pending or held; statistics had %d\n", m.Webhook, m.Tenant, m.Waiting, m.Gauge)
	}
	return nil
}
