package app

import (
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

var (
	replayShell = regexp.MustCompile("(?s)```sh\n(hookgraph replay .*?)```\n")
	someID      = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)
)

// The commands of docs/replay.md do what they say, in their order, on a running server: what failed is sent again, a webhook gets what it never
// had, and what waits is canceled.
func TestReplayCommands(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip(err)
	}
	page, err := os.ReadFile("docs/replay.md")
	if err != nil {
		t.Fatal(err)
	}
	block := replayShell.FindSubmatch(page)
	if block == nil {
		t.Fatal("docs/replay.md has no commands")
	}
	receiver := webhooktest.NewReceiver(t)
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	p := boot(t, t.TempDir())
	c := &client{p.url, p.token}
	var made struct{ Webhook struct{ ID string } }
	c.mutate(t, createWebhook, map[string]any{"url": receiver.URL + "/failed", "retryScheduleMs": []int{}, "timeoutMs": 30_000}, &made)
	for range 3 {
		c.rest(t, "POST", "/v1/events", `{"type": "report.ready", "data": 1}`, nil)
	}
	query := func(query string) string {
		_, _, text := c.answer(t, "/graphql", "application/json", `{"query": "`+query+`"}`)
		return text
	}
	webhooktest.Eventually(t, "all have failed", func() bool {
		return strings.Contains(query("{ deliveries(filter: {statuses: FAILED}) { count { count } } }"), `"count":3`)
	})
	held := holding(receiver)
	c.mutate(t, createWebhook, map[string]any{"url": receiver.URL + "/missing", "events": []string{"report.*"}, "timeoutMs": 30_000}, &made)
	last := ""
	run := func(line string) string {
		t.Helper()
		line = strings.NewReplacer("2026-04-23T14:00:00Z", time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), "2026-04-23T16:00:00Z", time.Now().Add(time.Hour).UTC().Format(time.RFC3339)).Replace(line)
		line = someID.ReplaceAllString(line, map[bool]string{true: made.Webhook.ID, false: last}[strings.Contains(line, "--webhook ")])
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `hookgraph() { "$PROGRAM" "$@"; }; `+line)
		cmd.Env = append(os.Environ(), "HOOKGRAPH_TEST_MAIN=1", "PROGRAM="+os.Args[0], "HOOKGRAPH_URL="+p.url, "HOOKGRAPH_TOKEN="+p.token)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s\n%v %s", line, err, out)
		}
		return string(out)
	}
	ran := map[string]string{}
	for line := range strings.Lines(string(block[1])) {
		line = strings.TrimSpace(line)
		name := strings.Fields(line)[2]
		if name == "watch" {
			close(held)
		}
		switch ran[name] = run(line); name {
		case "create":
			last = strings.TrimSpace(ran[name])
		case "watch": // the next replay has not ended when it is canceled
			held := holding(receiver)
			defer close(held)
		}
		for after, text := range map[string]string{
			"preview": "3 deliveries, which take 60ms\n3  ", "create": "-7", "list": last, "pause": "PAUSED: ", "rate": "PAUSED: ", "resume": "RUNNING: ",
			"watch": "COMPLETED: 3 sent of 3, 3 succeeded, 0 failed, 0 skipped\n", "cancel": "CANCEL",
		} {
			if name == after && !strings.Contains(ran[name], text) {
				t.Errorf("%s\n%s", line, ran[name])
			}
		}
	}
	if len(ran) != 8 {
		t.Errorf("%d of 8 commands are shown", len(ran))
	}
}

// holding makes the receiver answer 204 once the channel is closed.
func holding(receiver *webhooktest.Receiver) (held chan struct{}) {
	held = make(chan struct{})
	receiver.Answer(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-held:
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return held
}
