//go:build linux

package app

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/sqlite"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
	"github.com/hookgraph/hookgraph/internal/webhooktest/certificates"
)

// alarmed is a server with a fault.
type alarmed struct {
	want []string // the alerts that fire, without their prefix
	also []string // those that may follow from it
	// start starts the server, as it should be, and returns where its metrics are, and what makes the fault. It returns "" if the fault cannot be
	// made here.
	start func(t *testing.T) (at string, fault func())
}

// faults are by name. Each is made on a real server, and seen by a real Prometheus.
var faults = map[string]alarmed{
	"none":        {start: healthyServer},
	"killed":      {want: []string{"Down"}, start: killedServer},
	"replaced":    {want: []string{"NotReady"}, also: []string{"WriterStopped", "TaskFailing"}, start: serverWithoutFiles},
	"alone":       {want: []string{"ReplicaLost"}, start: serverAlone},
	"hanging":     {want: []string{"NoDeliveries"}, also: []string{"BacklogOld"}, start: serverThatHangs},
	"rate":        {want: []string{"BacklogOld"}, start: serverWithBacklog},
	"refused":     {want: []string{"Failing"}, start: serverThatIsRefused},
	"no files":    {want: []string{"HostShort", "DescriptorsLow"}, also: []string{"NotReady", "NoDeliveries", "BacklogOld"}, start: serverWithoutDescriptors},
	"few files":   {want: []string{"DescriptorsLow"}, start: serverWithFewDescriptors},
	"slow disk":   {want: []string{"WriterSlow"}, start: serverOnSlowDisk},
	"read-only":   {want: []string{"WriterStopped", "NotReady"}, also: []string{"TaskFailing"}, start: serverOnReadOnlyDisk},
	"full disk":   {want: []string{"DiskFull"}, start: serverOnFullDisk},
	"retention":   {want: []string{"RetentionBehind", "TaskFailing"}, start: serverThatCannotRemove},
	"task":        {want: []string{"TaskFailing"}, start: serverThatCannotFold},
	"slow client": {want: []string{"StreamsLag"}, start: serverWithSlowClient},
	"streams":     {want: []string{"StreamsFull"}, start: serverFullOfStreams},
	"certificate": {want: []string{"CertificateExpires"}, start: serverWithOldCertificate},
	"client":      {want: []string{"WebhookCertificatesExpire"}, start: serverWithOldClientCertificate},
}

// While nothing is wrong no alert fires, and for each fault of a server those do that are meant for it, and no others. One minute of the rules is a
// second here, and retention is late after 25 seconds, as it runs every 10.
func TestAlertsFire(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	at, broken := map[string]string{}, map[string]func(){}
	for name, f := range faults {
		if url, fault := f.start(t); url != "" {
			at[name], broken[name] = url, fault
		}
	}
	p := startPrometheus(t, at)
	webhooktest.Eventually(t, "Prometheus reads every server", func() bool {
		return p.count(t, "up == 1") == len(at) && p.count(t, "hookgraph_backlog_oldest_due_age_seconds") == len(at) && p.count(t, "hookgraph_nodes == 2") == 1
	})
	// This machine's own disk, on which most of the servers are, may be nearly full. That is not their fault.
	full := p.count(t, `hookgraph_disk_free_bytes{job="hookgraph none"} < 3e9 or hookgraph_disk_free_bytes{job="hookgraph none"} / hookgraph_disk_size_bytes < 0.06`) > 0
	firing := func() map[string][]string {
		is := p.firing(t)
		for name, alerts := range is {
			if is[name] = slices.DeleteFunc(alerts, func(alert string) bool { return full && alert == "DiskFull" && name != "full disk" }); len(is[name]) == 0 {
				delete(is, name)
			}
		}
		return is
	}
	if is := firing(); len(is) > 0 {
		t.Errorf("without a fault: %v", is)
	}
	for _, fault := range broken {
		fault()
	}
	left, is, begun := maps.Clone(at), map[string][]string{}, time.Now()
	delete(left, "none")
	webhooktest.Eventually(t, "alerts fire", func() bool {
		is = firing()
		maps.DeleteFunc(left, func(name, _ string) bool {
			f := faults[name]
			if !f.fires(is[name]) {
				return false
			}
			t.Logf("%s: %v after %v", name, is[name], time.Since(begun).Round(time.Second))
			return true
		})
		return len(left) == 0 && len(is["none"]) == 0
	}, func() string { return fmt.Sprintf("not for %v; firing are %v", slices.Sorted(maps.Keys(left)), is) })
	tested := map[string]bool{}
	for name := range at {
		for _, alert := range faults[name].want {
			tested[alert] = true
		}
	}
	rules, err := os.ReadFile("deploy/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range regexp.MustCompile(`- alert: Hookgraph(\w+)`).FindAllSubmatch(rules, -1) {
		if !tested[string(rule[1])] && len(at) == len(faults) {
			t.Errorf("no fault is made for %s", rule[1])
		}
	}
}

// fires reports whether these are the alerts for the fault.
func (f *alarmed) fires(is []string) bool {
	for _, alert := range f.want {
		if !slices.Contains(is, alert) {
			return false
		}
	}
	return !slices.ContainsFunc(is, func(alert string) bool { return !slices.Contains(f.want, alert) && !slices.Contains(f.also, alert) })
}

// prometheus is a running Prometheus. Each server is a job of its own.
type prometheus struct{ url string }

// startPrometheus starts Prometheus with the rules of deploy/, whose times are shortened.
func startPrometheus(t *testing.T, at map[string]string) *prometheus {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("prometheus, of Debian's package of this name, is not installed")
	}
	dir := t.TempDir()
	config := "global: {evaluation_interval: 1s}\nrule_files: [rules.yaml]\nscrape_configs:\n"
	for name, url := range at {
		address := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/metrics")
		every := "1s"
		if name == "slow disk" { // of which /readyz, and so the metrics, may take a second to tell
			every = "2s"
		}
		config += fmt.Sprintf("  - {job_name: 'hookgraph %s', scrape_interval: %[2]s, scrape_timeout: %[2]s, static_configs: [{targets: ['%[3]s']}]}\n", name, every, address)
	}
	for name, text := range map[string]string{"prometheus.yml": config, "rules.yaml": shortened(t)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:0")
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	listens := regexp.MustCompile(`msg="Listening on" address=(127\.0\.0\.1:\d+)`)
	var log strings.Builder
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if found := listens.FindStringSubmatch(lines.Text()); found != nil {
			go func() { _, _ = io.Copy(io.Discard, said) }() // returns when it ends
			return &prometheus{"http://" + found[1]}
		}
		log.WriteString(lines.Text() + "\n")
	}
	t.Fatalf("Prometheus does not start: %s", log.String())
	return nil
}

// shortened returns the rules of deploy/alerts.yaml with seconds for minutes, for jobs of any name.
func shortened(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("deploy/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rules := strings.ReplaceAll(string(text), `{job="hookgraph"}`, `{job=~"hookgraph.*"}`)
	rules = strings.ReplaceAll(strings.ReplaceAll(rules, "[1h]", "[60m]"), "> 7200", "> 25")
	rules = regexp.MustCompile(`(for: |\[|offset )(\d+)m`).ReplaceAllString(rules, "${1}${2}s")
	return regexp.MustCompile(`(?m)(_age_seconds\)|_lag_seconds) > \d+$`).ReplaceAllStringFunc(rules, func(s string) string {
		before, seconds, _ := strings.Cut(s, " > ")
		n, err := strconv.Atoi(seconds)
		if err != nil || n%60 > 0 {
			t.Fatalf("%s is not minutes: %v", s, err)
		}
		return fmt.Sprint(before, " > ", n/60)
	})
}

// ask asks Prometheus' API, which is not ready at first.
func (p *prometheus) ask(t *testing.T, path string, into any) (ok bool) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/api/v1/"+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode == http.StatusServiceUnavailable {
		return false
	}
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", path, answer.StatusCode, err)
	}
	return true
}

// firing returns the alerts that fire, without their prefix, by the name of the fault.
func (p *prometheus) firing(t *testing.T) map[string][]string {
	t.Helper()
	var answer struct {
		Data struct {
			Alerts []struct {
				State  string
				Labels struct{ Alertname, Job string }
			}
		}
	}
	_ = p.ask(t, "alerts", &answer)
	all := map[string][]string{}
	for _, a := range answer.Data.Alerts {
		name, alert := strings.TrimPrefix(a.Labels.Job, "hookgraph "), strings.TrimPrefix(a.Labels.Alertname, "Hookgraph")
		if a.State == "firing" && !slices.Contains(all[name], alert) {
			all[name] = append(all[name], alert)
		}
	}
	return all
}

// count returns how many series a query finds.
func (p *prometheus) count(t *testing.T, query string) int {
	t.Helper()
	var answer struct {
		Data struct{ Result []struct{} }
	}
	_ = p.ask(t, "query?query="+url.QueryEscape(query), &answer)
	return len(answer.Data.Result)
}

// publishing publishes events until the test ends, 20 a second.
func publishing(t *testing.T, c *client) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	running.Go(func() {
		tick := time.NewTicker(time.Second / 20)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/v1/events", strings.NewReader(`{"type": "a.b", "data": {}}`))
			if err != nil {
				continue
			}
			r.Header.Set("Authorization", "Bearer "+c.token)
			r.Header.Set("Content-Type", "application/json")
			if answer, err := http.DefaultClient.Do(r); err == nil {
				_, _ = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
			}
		}
	})
}

// publishAtOnce publishes n events in one call.
func (c *client) publishAtOnce(t *testing.T, n int, event string) {
	t.Helper()
	if status := c.rest(t, "POST", "/v1/events", "["+strings.TrimSuffix(strings.Repeat(event+",", n), ",")+"]", nil); status != http.StatusAccepted {
		t.Fatal(status)
	}
}

const anEvent = `{"type": "a.b", "data": {}}`

// deliversTo returns a client of a server that delivers to a receiver, which nobody reads.
func deliversTo(t *testing.T, url, token string, settings map[string]any) *client {
	t.Helper()
	c := &client{url, token}
	if settings["url"] == nil {
		settings["url"] = answering(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	}
	c.createWebhook(t, settings)
	return c
}

// answering starts a receiver.
func answering(t *testing.T, answer http.HandlerFunc) (url string) {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return s.URL
}

// neverAnswering starts a receiver whose answers wait for the end of the test, or of the attempt.
func neverAnswering(t *testing.T) (url string) {
	t.Helper()
	over := make(chan struct{})
	url = answering(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-over:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(over) }) // before the receiver is closed, which waits for it
	return url
}

func healthyServer(t *testing.T) (string, func()) {
	t.Helper()
	m := bootMeasured(t, t.TempDir())
	publishing(t, deliversTo(t, m.url, m.token, map[string]any{}))
	return m.at, func() {}
}

// inProcess starts the program in a process of its own, with metrics. What it is executed by may be nil.
func inProcess(t *testing.T, by []string, dir string, env ...string) (p *program, at string, kill func()) {
	t.Helper()
	p, kill = startBy(t, append(slices.Clone(by), "sh", "-c", `exec "$0" "$@" --metrics-listen 127.0.0.1:0`), dir, env...)
	p.log.await(t, "metrics are served")
	return p, metricsAt.FindStringSubmatch(p.log.String())[1], kill
}

func killedServer(t *testing.T) (string, func()) {
	t.Helper()
	_, at, kill := inProcess(t, nil, t.TempDir())
	return at, kill
}

// Somebody removes the database's file.
func serverWithoutFiles(t *testing.T) (string, func()) {
	t.Helper()
	dir := t.TempDir()
	_, at, _ := inProcess(t, nil, dir)
	return at, func() {
		if err := os.Rename(filepath.Join(dir, "hookgraph.db"), filepath.Join(dir, "away")); err != nil {
			t.Fatal(err)
		}
	}
}

// One of two replicas is killed. It is not among the targets, like one that an orchestrator does not start again.
func serverAlone(t *testing.T) (string, func()) {
	t.Helper()
	database := webhooktest.Postgres(t)
	m := bootMeasured(t, database)
	_, kill := start(t, database)
	return m.at, kill
}

// A receiver hangs, and has the only attempt that may run.
func serverThatHangs(t *testing.T) (string, func()) {
	t.Helper()
	m := bootMeasured(t, t.TempDir(), "--concurrency", "1", "--timeout", "30s")
	c := deliversTo(t, m.url, m.token, map[string]any{"url": neverAnswering(t)})
	return m.at, func() { c.publishAtOnce(t, 10, anEvent) }
}

// More is published than a webhook's rate allows to send.
func serverWithBacklog(t *testing.T) (string, func()) {
	t.Helper()
	m := bootMeasured(t, t.TempDir())
	c := deliversTo(t, m.url, m.token, map[string]any{"ratePerSecond": 1})
	return m.at, func() { c.publishAtOnce(t, 500, anEvent) }
}

// Nobody listens at the receivers.
func serverThatIsRefused(t *testing.T) (string, func()) {
	t.Helper()
	m := bootMeasured(t, t.TempDir())
	c := &client{m.url, m.token}
	refusing := "http://" + webhooktest.Refusing(t)
	for i := range 5 {
		c.createWebhook(t, map[string]any{"url": fmt.Sprint(refusing, "/", i)})
	}
	return m.at, func() { publishing(t, c) }
}

// limit changes the limit of open files of a running process to a number above those that it has open.
func (p *program) limit(t *testing.T, above int) {
	t.Helper()
	open, err := os.ReadDir(fmt.Sprint("/proc/", p.process.Process.Pid, "/fd"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "prlimit", fmt.Sprint("--pid=", p.process.Process.Pid), fmt.Sprint("--nofile=", len(open)+above, ":"))
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
}

// The limit of open files is below what is open when a delivery is due. How many are open, and whether the database is there, can be told only by
// opening another file.
func serverWithoutDescriptors(t *testing.T) (string, func()) {
	t.Helper()
	p, at, _ := inProcess(t, nil, t.TempDir())
	c := deliversTo(t, p.url, p.token, map[string]any{})
	return at, func() {
		c.publishAtOnce(t, 10, fmt.Sprintf(`{"type": "a.b", "data": {}, "deliver_at": %q}`, time.Now().Add(3*time.Second).Format(time.RFC3339)))
		p.limit(t, -4)
	}
}

// Two more files may be opened than are.
func serverWithFewDescriptors(t *testing.T) (string, func()) {
	t.Helper()
	p, at, _ := inProcess(t, nil, t.TempDir())
	return at, func() { p.limit(t, 2) }
}

// Each write to the disk takes long.
func serverOnSlowDisk(t *testing.T) (string, func()) {
	t.Helper()
	disk := webhooktest.NewDisk(t)
	if disk == nil {
		return "", nil
	}
	p, at, _ := inProcess(t, nil, t.TempDir(), disk.Env()...)
	publishing(t, deliversTo(t, p.url, p.token, map[string]any{}))
	return at, func() { disk.Order(t, "slow 600") }
}

// The disk becomes read-only before an attempt ends.
func serverOnReadOnlyDisk(t *testing.T) (string, func()) {
	t.Helper()
	disk := webhooktest.NewDisk(t)
	if disk == nil {
		return "", nil
	}
	p, at, _ := inProcess(t, nil, t.TempDir(), disk.Env()...)
	answered := make(chan struct{})
	c := deliversTo(t, p.url, p.token, map[string]any{"url": answering(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-answered:
		case <-r.Context().Done():
		}
	})})
	c.publishAtOnce(t, 1, anEvent)
	return at, func() {
		disk.Order(t, "refuse")
		close(answered)
	}
}

// The data directory is on a disk of its own, which is filled up to its last 2 GB.
func serverOnFullDisk(t *testing.T) (string, func()) {
	t.Helper()
	dir, by := t.TempDir(), ownMounts(t)
	if by == nil {
		return "", nil
	}
	p, at, _ := inProcess(t, append(by, "sh", "-c", `mount -t tmpfs -o size=2100M,mode=700 none "`+dir+`" && exec "$0" "$@"`), dir)
	return at, func() {
		filler := filepath.Join("/proc", strconv.Itoa(p.process.Process.Pid), "root", dir, "filler")
		if err := os.WriteFile(filler, make([]byte, 256<<20), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Events cannot be removed.
func serverThatCannotRemove(t *testing.T) (string, func()) {
	t.Helper()
	dir := t.TempDir()
	m := bootMeasured(t, dir, "--retention", "1m")
	return m.at, func() {
		alter(t, dir, "CREATE TRIGGER refuse BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'refused'); END")
		o := options(dir)
		o.Shared, o.Now = true, func() time.Time { return time.Now().Add(-time.Hour) }
		s, err := store.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		owner, err := s.EnsureTenant(t.Context(), webhook.DefaultTenant)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.In(owner.ID).Publish(t.Context(), []webhook.NewEvent{{Type: "a.b", Data: json.RawMessage("1")}}); err != nil {
			t.Fatal(err)
		}
	}
}

// Statistics cannot be folded, and nothing else is wrong.
func serverThatCannotFold(t *testing.T) (string, func()) {
	t.Helper()
	dir := t.TempDir()
	m := bootMeasured(t, dir)
	publishing(t, deliversTo(t, m.url, m.token, map[string]any{}))
	return m.at, func() {
		alter(t, dir, "CREATE TRIGGER refuse BEFORE DELETE ON stats_journal BEGIN SELECT RAISE(ABORT, 'refused'); END")
	}
}

// alter changes the schema of a database beside its server.
func alter(t *testing.T, dir, statement string) {
	t.Helper()
	db, err := sqlite.OpenBare(t.Context(), dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Pool().ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// Few streams may be open, because few files may. A tenant has a quarter of them, and a token an eighth.
func serverFullOfStreams(t *testing.T) (string, func()) {
	t.Helper()
	p, at, _ := inProcess(t, []string{"sh", "-c", `ulimit -n 64 && exec "$0" "$@"`}, t.TempDir())
	operator := &client{p.url, p.token}
	var tenants []client
	for i := range 12 {
		tenants = append(tenants, operator.tenant(t, fmt.Sprint("tenant-", i)))
	}
	return at, func() {
		for _, c := range tenants {
			if is := c.events(t.Context(), t, `subscription { deliveryAttempts { cursor } }`, nil, ""); is.StatusCode != http.StatusOK {
				t.Fatal(is.StatusCode)
			}
		}
	}
}

// expiring returns a certificate that is valid for some days, and its key.
func expiring(t *testing.T, days int) (chain, key string) {
	t.Helper()
	return certificates.NewAuthority(t, "authority").Issue(t, "localhost", nil, func(c *x509.Certificate) {
		c.NotAfter = time.Now().AddDate(0, 0, days)
	})
}

// The renewed certificate is not what it should be.
func serverWithOldCertificate(t *testing.T) (string, func()) {
	t.Helper()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func(days int) {
		chain, private := expiring(t, days)
		for name, text := range map[string]string{cert: chain, key: private} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(30)
	m := bootMeasured(t, t.TempDir(), "--tls-cert", cert, "--tls-key", key)
	return m.at, func() { write(3) }
}

// A webhook has a client certificate that is about to expire.
func serverWithOldClientCertificate(t *testing.T) (string, func()) {
	t.Helper()
	m := bootMeasured(t, t.TempDir())
	c := &client{m.url, m.token}
	give := func(days int) {
		chain, key := expiring(t, days)
		c.createWebhook(t, map[string]any{"url": "https://receiver.example/", "authentication": map[string]any{
			"certificate": map[string]any{"chain": chain, "privateKey": key},
		}})
	}
	give(30)
	return m.at, func() { give(3) }
}

// A client reads 160 KB a second of a stream that begins with 16 MB.
func serverWithSlowClient(t *testing.T) (string, func()) {
	t.Helper()
	m := bootMeasured(t, t.TempDir())
	body := strings.Repeat("x", 16<<10)
	c := deliversTo(t, m.url, m.token, map[string]any{"url": answering(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })})
	c.publishAtOnce(t, 1000, anEvent)
	c.settle(t)
	return m.at, func() {
		ctx, cancel := context.WithCancel(t.Context())
		dial := &net.Dialer{}
		slow := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial.DialContext(ctx, network, address)
			if err == nil {
				err = conn.(*net.TCPConn).SetReadBuffer(64 << 10)
			}
			return conn, err
		}}}
		query := url.Values{"query": {`subscription { deliveryAttempts(since: "-PT1H") { cursor node { response { body } } } }`}}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/graphql?"+query.Encode(), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+c.token)
		r.Header.Set("Accept", "text/event-stream")
		answer, err := slow.Do(r)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatal(answer, err)
		}
		var reading sync.WaitGroup
		t.Cleanup(func() {
			cancel()
			_ = answer.Body.Close()
			reading.Wait()
		})
		reading.Go(func() {
			tick := time.NewTicker(200 * time.Millisecond)
			defer tick.Stop()
			for b := make([]byte, 32<<10); ctx.Err() == nil; <-tick.C {
				if _, err := io.ReadFull(answer.Body, b); err != nil {
					return
				}
			}
		})
	}
}
