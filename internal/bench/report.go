package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// report writes results as they are measured.
type report struct {
	w      io.Writer
	json   bool
	headed bool
}

func newReport(w io.Writer, asJSON bool) *report { return &report{w: w, json: asJSON} }

func (p *report) add(r *Result) error {
	if p.json {
		return json.NewEncoder(p.w).Encode(r)
	}
	if !p.headed {
		p.headed = true
		if _, err := fmt.Fprintln(p.w, row("scenario", "events", "deliveries", "bare/s", "delivered/s", "ratio", "accepted/s",
			"p50 ms", "p99 ms", "cpu µs", "rss MB", "db B", "lost", "dup")); err != nil {
			return err
		}
	}
	lines := []string{row(r.Scenario, strconv.FormatInt(r.Events, 10), strconv.FormatInt(r.Deliveries, 10),
		show(r.BarePerS, 0), show(r.DeliveredPerS, 0), show(r.Ratio, 2), show(r.AcceptedPerS, 0), show(r.P50Ms, 2), show(r.P99Ms, 2),
		show(r.CPUUsPerDelivery, 0), show(r.RSSMB, 0), show(r.DBBytesPerDelivery, 0), count(r.Lost), count(r.Duplicates))}
	if r.Pending+r.Failed > 0 {
		lines = append(lines, fmt.Sprintf("  not arrived: %d wait for another attempt, %d have failed", r.Pending, r.Failed))
	}
	lines = slices.Concat(lines, reportSingles(r.Singles), reportTLS(r.TLS), reportFloods(r.Floods))
	switch {
	case r.Retention != nil:
		lines = append(lines, r.Retention.lines()...)
	case r.Replay != nil:
		lines = append(lines, r.Replay.lines(r)...)
	case r.P99MsWithout != nil:
		lines = append(lines, "  p99 of the healthy webhooks without the bad ones: "+show(r.P99MsWithout, 2)+" ms")
	}
	switch {
	case r.DeliveredPerSWithout == nil:
	case r.Streamed == nil:
		lines = append(lines, "  without filters: "+show(r.DeliveredPerSWithout, 0)+"/s, "+show(r.CPUUsPerDeliveryWithout, 1)+" µs of CPU")
	default:
		lines = append(lines, "  delivered without subscribers: "+show(r.DeliveredPerSWithout, 0)+"/s; attempts streamed: "+count(r.Streamed))
	}
	if r.FirstDeliveryMs != nil {
		lines = append(lines, "  first delivery after the start: "+show(r.FirstDeliveryMs, 0)+" ms")
	}
	if r.StatementsPerDelivery != nil {
		lines = append(lines, "  statements for each delivery: "+show(r.StatementsPerDelivery, 3))
	}
	for _, path := range slices.Sorted(maps.Keys(r.Compared)) {
		lines = append(lines, fmt.Sprintf("  %-40s %.2f of before", path, r.Compared[path]))
	}
	if _, err := fmt.Fprintln(p.w, strings.Join(lines, "\n")); err != nil || len(r.Queries) == 0 {
		return err
	}
	return reportQueries(p.w, r.Queries)
}

func reportSingles(singles []*SingleResult) (lines []string) {
	for _, s := range singles {
		lines = append(lines, fmt.Sprintf("  %-7s %3d connections: %s/s, ratio %s, p50 %s ms, p99 %s ms, cpu %s µs",
			s.API, s.Connections, show(s.DeliveredPerS, 0), show(s.Ratio, 2), show(s.P50Ms, 2), show(s.P99Ms, 2), show(s.CPUUsPerDelivery, 0)))
	}
	return lines
}

func reportTLS(all []*TLSResult) (lines []string) {
	for _, t := range all {
		lines = append(lines, fmt.Sprintf("  %-8s %4d hosts: %s/s, ratio %s, p50 %s ms, p99 %s ms, cpu %s µs",
			t.Protocol, t.Hosts, show(t.DeliveredPerS, 0), show(t.Ratio, 2), show(t.P50Ms, 2), show(t.P99Ms, 2), show(t.CPUUsPerDelivery, 0)))
	}
	return lines
}

// earlier has the results of an earlier run, by scenario and path.
type earlier map[string]map[string]float64

// readEarlier reads results that were printed as JSON; name may be "".
func readEarlier(name string) (earlier, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name) //nolint:gosec // the caller's file
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	all := earlier{}
	for in := json.NewDecoder(f); ; {
		var r Result
		switch err := in.Decode(&r); {
		case errors.Is(err, io.EOF) && len(all) > 0:
			return all, nil
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("%s has no result", name)
		case err != nil:
			return nil, fmt.Errorf("%s is not what bench --json prints: %w", name, err)
		}
		if all[r.Scenario], err = figures(&r); err != nil {
			return nil, err
		}
	}
}

// compare returns the figures of r divided by the earlier ones; nil if there are none.
func (e earlier) compare(r *Result) (map[string]float64, error) {
	before := e[r.Scenario]
	if before == nil {
		return nil, nil
	}
	is, err := figures(r)
	if err != nil {
		return nil, err
	}
	compared := map[string]float64{}
	for path, v := range is {
		if was := before[path]; was != 0 {
			compared[path] = v / was
		}
	}
	return compared, nil
}

// figures returns the numbers of a result but the counts of its events, by path.
func figures(r *Result) (map[string]float64, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	for _, count := range []string{"events", "deliveries", "lost", "duplicates", "pending", "failed", "streamed", "compared"} {
		delete(tree, count)
	}
	all := map[string]float64{}
	flatten(all, "", tree)
	return all, nil
}

// flatten adds the numbers below v. An element of a list is named by what it has measured, not by its place.
func flatten(all map[string]float64, path string, v any) {
	switch v := v.(type) {
	case float64:
		all[path] = v
	case map[string]any:
		for name, below := range v {
			flatten(all, strings.TrimPrefix(path+"."+name, "."), below)
		}
	case []any:
		for _, element := range v {
			named, _ := element.(map[string]any)
			name := []string{path}
			for _, key := range []string{"api", "protocol", "flood", "name", "connections", "hosts"} {
				if is, ok := named[key]; ok {
					name = append(name, fmt.Sprint(is))
					delete(named, key)
				}
			}
			flatten(all, strings.Join(name, "."), element)
		}
	}
}

func row(cells ...string) string {
	return fmt.Sprintf("%-10s %9s %10s %8s %11s %5s %10s %8s %8s %6s %6s %6s %5s %4s",
		cells[0], cells[1], cells[2], cells[3], cells[4], cells[5], cells[6], cells[7], cells[8], cells[9], cells[10], cells[11], cells[12], cells[13])
}

// mark marks a figure that misses its bound.
func mark(missed bool) string {
	if missed {
		return "!"
	}
	return ""
}

func show(v *float64, digits int) string {
	if v == nil {
		return "-"
	}
	return strconv.FormatFloat(*v, 'f', digits, 64)
}

func count(v *int64) string {
	if v == nil {
		return "-"
	}
	return strconv.FormatInt(*v, 10)
}

// progress is a line that shows the current step. On a terminal it is overwritten; elsewhere each new step is a new line.
type progress struct {
	w        io.Writer
	scenario string
	terminal bool

	mu   sync.Mutex // guards last
	last string
}

func newProgress(w io.Writer, scenario string) *progress {
	p := &progress{w: w, scenario: scenario}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

func (p *progress) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	step := strings.TrimRight(text, "0123456789.µms")
	switch {
	case p.terminal:
		_, _ = fmt.Fprintf(p.w, "\r\x1b[K%s: %s", p.scenario, text)
	case step != p.last && !strings.HasPrefix(text, "waiting"):
		_, _ = fmt.Fprintf(p.w, "%s: %s\n", p.scenario, text)
	}
	p.last = step
}

func (p *progress) end() {
	if p.terminal {
		_, _ = fmt.Fprint(p.w, "\r\x1b[K")
	}
}
