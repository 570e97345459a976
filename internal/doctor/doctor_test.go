package doctor_test

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/datadir"
	"github.com/hookgraph/hookgraph/internal/doctor"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
	"github.com/hookgraph/hookgraph/internal/webhooktest/certificates"
)

// childDir is the variable that tells a child process its directory.
const childDir = "DOCTOR_TEST_DIR"

// As a child of a test, the binary examines a directory, and prints the results.
func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	o, err := options(dir, map[string]string{})
	if err != nil {
		panic(err)
	}
	o.Host.OpenFiles = nil
	o.Config.Concurrency = 64
	results, err := doctor.Examine(context.Background(), o)
	if err = errors.Join(err, json.NewEncoder(os.Stdout).Encode(results)); err != nil {
		panic(err)
	}
}

// options are those of a host that lacks nothing.
func options(database string, env map[string]string) (doctor.Options, error) {
	c := &config.Config{
		Storage: config.Storage{Database: database}, Listen: "127.0.0.1:8080", Retention: 720 * time.Hour, StatisticsRetention: 9600 * time.Hour,
		AuditRetention: 9600 * time.Hour, Timeout: 15 * time.Second, Concurrency: 512, MaxPayload: 256 << 10, CostRate: 1_000_000,
	}
	getenv := func(name string) string { return env[name] }
	return doctor.Options{
		Config: c, Getenv: getenv,
		Host: doctor.Host{
			FileSystem: func(string) (doctor.FileSystem, error) {
				return doctor.FileSystem{Type: "ext4", Free: 90 << 30, Bytes: 100 << 30, Files: 1e6, AllFiles: 2e6}, nil
			},
			Sync:      func(interface{ Sync() error }) error { return nil },
			OpenFiles: func() (uint64, error) { return 20_000, nil },
		},
	}, c.Check(getenv)
}

// patient is a machine with a database that a server has used.
type patient struct {
	*testing.T
	doctor.Options

	kind string // of database
	dir  string // of SQLite's
	env  map[string]string
}

// healthy makes one. The server still runs if running is set; else it was stopped.
func healthy(t *testing.T, db storetest.Database, running bool) *patient {
	t.Helper()
	place := db.New(t)
	s, end := place.Serve(t, store.Options{})
	lived(t, s)
	if !running {
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
	at := place(store.Options{})
	p := &patient{T: t, kind: db.Kind, dir: at.Dir, env: map[string]string{}}
	if at.Dir != "" {
		if err := os.Chmod(at.Dir, 0o700); err != nil { // as a server makes it
			t.Fatal(err)
		}
	}
	if at.URL != "" {
		p.env["HOOKGRAPH_MASTER_KEY"] = base64.StdEncoding.EncodeToString(webhooktest.MasterKey)
	}
	var err error
	if p.Options, err = options(at.Dir+at.URL, p.env); err != nil {
		t.Fatal(err)
	}
	return p
}

// lived makes deliveries in every state, one of them in line behind another.
func lived(t *testing.T, s *store.Store) {
	t.Helper()
	c := storetest.Tenant(t, s, "a")
	w := storetest.Register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{}})
	storetest.Register(t, c, webhook.New{Enabled: true, Ordering: webhook.OrderingByKey})
	storetest.Publish(t, c, make([]webhook.NewEvent, 4)...)
	storetest.Publish(t, c, webhook.NewEvent{OrderingKey: "k"}, webhook.NewEvent{OrderingKey: "k"})
	claims, _ := storetest.Claim(t, s, w.ID, 2)
	storetest.Record(t, s, claims[0], 200)
	storetest.Record(t, s, claims[1], 500)
	if err := s.FoldStatistics(t.Context()); err != nil {
		t.Fatal(err)
	}
	storetest.Publish(t, c, webhook.NewEvent{})
}

// exec runs a statement in the database, past the store.
func (p *patient) exec(text string) {
	p.Helper()
	driver, source := "pgx", p.Config.Database
	if p.kind == "sqlite" {
		driver, source = "sqlite", filepath.Join(p.dir, "hookgraph.db") // without cgo, where sqlite3 has nothing behind it
		if !slices.Contains(sql.Drivers(), driver) {
			driver = "sqlite3"
		}
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		p.Fatal(err)
	}
	defer db.Close()
	done, err := db.ExecContext(p.Context(), text)
	if err != nil {
		p.Fatalf("%s: %v", text, err)
	}
	if n, err := done.RowsAffected(); n == 0 && err == nil && !strings.HasPrefix(text, "ALTER") && !strings.HasPrefix(text, "CREATE") {
		p.Fatalf("%s: no row was changed", text)
	}
}

// examine returns what is found: the names of the checks that warn or fail, and all text.
func (p *patient) examine() (names []string, text string) {
	p.Helper()
	results, err := doctor.Examine(p.Context(), p.Options)
	if err != nil {
		p.Fatal(err)
	}
	if p.dir != "" {
		if left, _ := filepath.Glob(filepath.Join(p.dir, "*.new-*")); len(left) > 0 {
			p.Errorf("it has left %v", left)
		}
	}
	return found(p.T, results)
}

func found(t *testing.T, results []doctor.Result) (names []string, text string) {
	t.Helper()
	for _, r := range results {
		text += fmt.Sprintf("%s %s: %s (%s: %s)\n", r.Status, r.Name, r.Found, r.Means, r.Do)
		bad := r.Status == doctor.Warning || r.Status == doctor.Failed
		if bad {
			names = append(names, r.Name)
		}
		if r.Found == "" || bad != (r.Means != "") || bad != (r.Do != "") {
			t.Errorf("%s does not say what it means, or what to do: %+v", r.Name, r)
		}
	}
	return names, text
}

// On a healthy machine nothing is found, with a server that runs and without one, and every check is made.
func TestHealthy(t *testing.T) {
	for _, db := range []storetest.Database{storetest.SQLite, storetest.Postgres} {
		for _, running := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, running %v", db.Kind, running), func(t *testing.T) {
				p := healthy(t, db, running)
				p.Reach, p.Server = []string{receiver(t, nil)}, receiver(t, nil)
				p.Host.Resolvers = []string{resolver(t, true)}
				names, text := p.examine()
				if len(names) > 0 {
					t.Errorf("found %v:\n%s", names, text)
				}
				skipped := strings.Count(text, string(doctor.Skipped))
				if want := map[string]int{"sqlite": 3, "postgres": 6}[db.Kind]; skipped != want {
					t.Errorf("%d checks were skipped, want %d:\n%s", skipped, want, text)
				}
			})
		}
	}
}

// Every fault is found by its own check, and by no other.
func TestFaults(t *testing.T) {
	for _, f := range slices.Concat(directoryFaults, keyFaults, rowFaults, databaseFaults, hostFaults, networkFaults) {
		for _, db := range []storetest.Database{storetest.SQLite, storetest.Postgres} {
			if f.only != "" && f.only != db.Kind {
				continue
			}
			t.Run(strings.ReplaceAll(f.name, " ", "-")+"/"+db.Kind, func(t *testing.T) {
				p := healthy(t, db, false)
				f.harm(p)
				names, text := p.examine()
				if !slices.Equal(names, []string{f.found}) {
					t.Errorf("found %v, want %s:\n%s", names, f.found, text)
				}
			})
		}
	}
}

// fault is something wrong, and the check that finds it.
type fault struct {
	name, found string
	only        string // the kind of database; "" means each
	harm        func(p *patient)
}

func run(statements ...string) func(p *patient) {
	return func(p *patient) {
		p.Helper()
		for _, text := range statements {
			p.exec(text)
		}
	}
}

func (p *patient) path(name string) string { return filepath.Join(p.dir, name) }

func (p *patient) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

var directoryFaults = []fault{
	{"the directory is missing", "data-directory", "sqlite", func(p *patient) { p.Config.Database = p.path("elsewhere") }},
	{"it is a file", "data-directory", "sqlite", func(p *patient) { p.Config.Database = p.path("master.key") }},
	{"others may write to it", "data-directory", "sqlite", func(p *patient) { p.must(os.Chmod(p.dir, 0o777)) }},
	{"others may read the database", "data-directory", "sqlite", func(p *patient) { p.must(os.Chmod(p.path("hookgraph.db"), 0o644)) }},
	{"another user owns the database", "data-directory", "sqlite", func(p *patient) {
		if os.Geteuid() == 0 {
			p.must(os.Chown(p.path("hookgraph.db"), 65534, 65534))
			return
		}
		p.Host.Owner = func(path string) (int, bool, error) { // only root can change an owner
			if filepath.Base(path) == "hookgraph.db" {
				return 0, true, nil
			}
			return os.Geteuid(), true, nil
		}
	}},
	{"a network file system", "file-system", "sqlite", func(p *patient) {
		p.Host.FileSystem = func(string) (doctor.FileSystem, error) {
			return doctor.FileSystem{Type: "NFS", Network: true, Free: 1 << 40, Bytes: 1 << 40}, nil
		}
	}},
	{"a file system in memory", "file-system", "sqlite", func(p *patient) {
		p.Host.FileSystem = func(string) (doctor.FileSystem, error) {
			return doctor.FileSystem{Type: "tmpfs", Memory: true, Free: 1 << 40, Bytes: 1 << 40}, nil
		}
	}},
	{"the disk is full", "disk-space", "sqlite", func(p *patient) {
		p.Host.FileSystem = func(string) (doctor.FileSystem, error) { return doctor.FileSystem{Free: 1 << 20, Bytes: 1 << 40}, nil }
	}},
	{"no file can be created", "disk-space", "sqlite", func(p *patient) {
		p.Host.FileSystem = func(string) (doctor.FileSystem, error) {
			return doctor.FileSystem{Free: 1 << 40, Bytes: 1 << 40, Files: 3, AllFiles: 1000}, nil
		}
	}},
	{"the disk is slow", "disk-sync", "sqlite", func(p *patient) {
		p.Host.Sync = func(interface{ Sync() error }) error {
			time.Sleep(60 * time.Millisecond) // as long as the disk takes
			return nil
		}
	}},
	{"there is no backup", "backups", "sqlite", func(p *patient) {
		p.Config.BackupEvery, p.Config.BackupKeep, p.Config.BackupDir = time.Hour, 1, p.TempDir()
	}},
	{"the newest backup is old", "backups", "sqlite", func(p *patient) {
		p.Config.BackupEvery, p.Config.BackupKeep, p.Config.BackupDir = time.Hour, 1, p.TempDir()
		p.must(os.Mkdir(filepath.Join(p.Config.BackupDir, datadir.BackupName(time.Now().Add(-2*time.Hour))), 0o700))
	}},
	{"the disk refuses writes", "disk-sync", "sqlite", func(p *patient) {
		p.Host.Sync = func(interface{ Sync() error }) error { return syscall.EIO }
	}},
}

var keyFaults = []fault{
	{"the key is missing", "master-key", "sqlite", func(p *patient) { p.must(os.Remove(p.path("master.key"))) }},
	{"the key is cut short", "master-key", "sqlite", func(p *patient) { p.must(os.Truncate(p.path("master.key"), 20)) }},
	{"others may read the key", "master-key", "sqlite", func(p *patient) { p.must(os.Chmod(p.path("master.key"), 0o644)) }},
	{"another key", "master-key", "", func(p *patient) {
		other := base64.StdEncoding.EncodeToString(make([]byte, 32))
		if p.kind == "sqlite" {
			p.must(os.WriteFile(p.path("master.key"), []byte(other+"\n"), 0o600))
			return
		}
		p.env["HOOKGRAPH_MASTER_KEY"] = other
		p.must(p.Config.Check(p.Getenv))
	}},
	{"a sealed value was changed", "sealed-values", "", run("UPDATE secrets SET sealed = (SELECT sealed FROM keys LIMIT 1) WHERE webhook_id IN (SELECT id FROM webhooks WHERE seq = 1)")},
}

// rowFaults are rows that were edited.
var rowFaults = []fault{
	{"the newest row is of the future", "clock", "sqlite", run("UPDATE events SET created_at = created_at + 3600000000 WHERE seq = (SELECT MAX(seq) FROM events)")},
	{"a newer schema", "schema", "", run("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)")},
	{"an older schema", "schema", "", run("DELETE FROM goose_db_version WHERE version_id > 0")},
	{"an interrupted copy", "schema", "postgres", run("CREATE TABLE copying AS SELECT 'x'::text AS epoch")},
	{"events are missing", "parents", "", run("DELETE FROM events WHERE seq = (SELECT MIN(seq) FROM events)")},
	{"attempts are missing", "numbering", "", run("DELETE FROM attempts WHERE status = 'FAILED'")},
	{"a delivery that has ended is due", "ended-deliveries", "", run("UPDATE deliveries SET due_at = created_at WHERE status = 'SUCCEEDED'")},
	{"a delivery is stuck", "pending-deliveries", "", run("UPDATE deliveries SET due_at = NULL WHERE seq = (SELECT MAX(seq) FROM deliveries WHERE status = 'PENDING' AND due_at IS NOT NULL AND place IS NULL)")},
	{"a key has no head", "ordering", "", run("UPDATE deliveries SET place = 1, due_at = NULL WHERE place = 0")},
	{"a filter is not valid", "filters", "", run(`UPDATE webhooks SET filter = '{"data":{"n":{"$almost":1}}}' WHERE seq = 1`)},
	{"a gauge is wrong", "backlog", "", run("UPDATE stats_webhooks SET pending = pending + 7 WHERE webhook = 1")},
	{"a delivery was not counted", "statistics", "", run("UPDATE deliveries SET status = 'FAILED' WHERE status = 'SUCCEEDED'")},
	{"nobody folds", "statistics-journal", "", func(p *patient) {
		empty := map[string]string{"sqlite": "X'010000'", "postgres": `'\x010000'::bytea`}[p.kind]
		p.exec("INSERT INTO stats_journal (seq, data) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT 1000000 + i, " + empty + " FROM n")
	}},
}

// databaseFaults are of the database itself.
var databaseFaults = []fault{
	{"the database is cut short", "database", "sqlite", func(p *patient) { p.must(os.Truncate(p.path("hookgraph.db"), 20_000)) }},
	{"it is no database", "database", "sqlite", func(p *patient) {
		p.must(os.WriteFile(p.path("hookgraph.db"), []byte(strings.Repeat("no database ", 1000)), 0o600))
	}},
	{"an index is damaged", "files-and-indexes", "sqlite", func(p *patient) { p.zero("deliveries_pair") }},
	{"it cannot be reached", "database", "postgres", func(p *patient) {
		p.Config.Database = "postgres://postgres@127.0.0.1:1/none"
	}},
	{"commits are not waited for", "postgresql", "postgres", func(p *patient) { p.alter("SET synchronous_commit = off") }},
	{"it is read-only", "postgresql", "postgres", func(p *patient) { p.alter("SET default_transaction_read_only = on") }},
	{"idle connections are closed", "postgresql", "postgres", func(p *patient) { p.alter("SET idle_session_timeout = 60000") }},
	{"too few connections", "postgresql", "postgres", func(p *patient) { p.alter("CONNECTION LIMIT 6") }},
	{"it is too old", "postgresql", "postgres", pretend("current_setting(name text) RETURNS text", "CASE name WHEN 'server_version_num' THEN '130014' ELSE pg_catalog.current_setting(name) END")},
	{"its encoding is another", "postgresql", "postgres", pretend("current_setting(name text) RETURNS text", "CASE name WHEN 'server_encoding' THEN 'LATIN1' ELSE pg_catalog.current_setting(name) END")},
	{"transactions share processes", "postgresql", "postgres", pretend("pg_backend_pid() RETURNS int", "1")}, // as those of a pooler do
	{"a pooler is between", "postgresql", "postgres", pretend("pg_backend_pid() RETURNS int", "-pg_catalog.pg_backend_pid()")},
	{"its clock differs", "clock", "postgres", func(p *patient) {
		p.Host.Now = func() time.Time { return time.Now().Add(-10 * time.Minute) }
	}},
}

// alter changes a setting of the database for new connections.
func (p *patient) alter(how string) {
	p.Helper()
	name := p.Config.Database[strings.LastIndex(p.Config.Database, "/")+1:]
	p.exec("ALTER DATABASE " + name + " " + how)
}

// pretend has a function of PostgreSQL return something else to new connections, as another server would, or the one behind a pooler.
func pretend(function, result string) func(p *patient) {
	return func(p *patient) {
		p.Helper()
		p.exec("CREATE SCHEMA pretended")
		p.exec("CREATE FUNCTION pretended." + function + " AS $$ SELECT " + result + " $$ LANGUAGE sql")
		p.alter("SET search_path = pretended, pg_catalog, public")
	}
}

// zero overwrites the first page of an index.
func (p *patient) zero(index string) {
	p.Helper()
	driver := "sqlite"
	if !slices.Contains(sql.Drivers(), driver) {
		driver = "sqlite3"
	}
	db, err := sql.Open(driver, p.path("hookgraph.db"))
	p.must(err)
	var root, size int64
	err = db.QueryRowContext(p.Context(), "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_schema WHERE name = ?", index).Scan(&root, &size)
	p.must(errors.Join(err, db.Close()))
	f, err := os.OpenFile(p.path("hookgraph.db"), os.O_RDWR, 0)
	p.must(err)
	_, err = f.WriteAt(make([]byte, size), (root-1)*size)
	p.must(errors.Join(err, f.Close()))
}

// hostFaults are of the process, and of what it was told.
var hostFaults = []fault{
	{"a setting is not valid", "settings", "", func(p *patient) {
		p.Config.Retention = 1
		p.Invalid = p.Config.Check(p.Getenv)
	}},
	{"a variable is not read", "settings", "", func(p *patient) { p.Warnings = []string{"HOOKGRAPH_RETENTON is not a variable that Hookgraph reads"} }},
	{"a proxy is not used", "proxy", "", func(p *patient) { p.env["HTTPS_PROXY"] = "http://user:secret@proxy:3128" }},
	{"fewer descriptors than attempts", "descriptors", "", func(p *patient) {
		p.Host.OpenFiles = func() (uint64, error) { return 1000, nil }
	}},
	{"the certificate has expired", "certificate", "", func(p *patient) {
		chain, key := certificates.NewAuthority(p, "hooks").Issue(p, "hooks", nil)
		files := p.TempDir()
		p.Config.TLSCert, p.Config.TLSKey = filepath.Join(files, "cert"), filepath.Join(files, "key")
		p.must(errors.Join(os.WriteFile(p.Config.TLSCert, []byte(chain), 0o600), os.WriteFile(p.Config.TLSKey, []byte(key), 0o600)))
	}},
}

// A process with few descriptors, or on a system without root certificates, is told so.
func TestFaultsOfProcess(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	for name, tt := range map[string]struct {
		by   []string // executes the child
		env  []string
		want []string
	}{
		"healthy":              {nil, nil, nil},
		"too few descriptors":  {[]string{"sh", "-c", `ulimit -n 40 && exec "$0"`}, nil, []string{"descriptors"}},
		"no root certificates": {nil, []string{"SSL_CERT_FILE=" + none, "SSL_CERT_DIR=" + none}, []string{"tls-roots"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := healthy(t, storetest.SQLite, false)
			args := append(slices.Clone(tt.by), os.Args[0])
			cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
			cmd.Env = append(append(os.Environ(), childDir+"="+p.dir), tt.env...)
			out, err := cmd.Output()
			var results []doctor.Result
			if err = errors.Join(err, json.Unmarshal(out, &results)); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if names, text := found(t, results); !slices.Equal(names, tt.want) {
				t.Errorf("found %v, want %v:\n%s", names, tt.want, text)
			}
		})
	}
}

// PostgreSQL's settings that only its administrator can change are found, too: those that lose data after a crash.
func TestFaultsOfPostgres(t *testing.T) {
	server := webhooktest.StartPostgres(t)
	url := server.Database(t)
	s, err := store.Open(t.Context(), store.Options{URL: url, MasterKeys: [][]byte{webhooktest.MasterKey}})
	if err != nil {
		t.Fatal(err)
	}
	lived(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	p := &patient{T: t, kind: "postgres", env: map[string]string{"HOOKGRAPH_MASTER_KEY": base64.StdEncoding.EncodeToString(webhooktest.MasterKey)}}
	if p.Options, err = options(url, p.env); err != nil {
		t.Fatal(err)
	}
	if names, text := p.examine(); len(names) > 0 {
		t.Fatalf("found %v:\n%s", names, text)
	}
	for _, setting := range []string{"fsync", "full_page_writes"} {
		for _, value := range []string{"off", "on"} {
			p.exec("ALTER SYSTEM SET " + setting + " = " + value)
			p.reload(setting, value)
			names, text := p.examine()
			if value == "off" && (!slices.Equal(names, []string{"postgresql"}) || !strings.Contains(text, setting)) || value == "on" && len(names) > 0 {
				t.Errorf("%s = %s: found %v:\n%s", setting, value, names, text)
			}
		}
	}
}

// reload makes PostgreSQL read its settings, and waits until new connections have one.
func (p *patient) reload(setting, value string) {
	p.Helper()
	p.exec("SELECT pg_reload_conf()")
	var is string
	webhooktest.Eventually(p, setting+" is "+value, func() bool {
		db, err := sql.Open("pgx", p.Config.Database)
		p.must(err)
		defer db.Close()
		p.must(db.QueryRowContext(p.Context(), "SHOW "+setting).Scan(&is))
		return is == value
	})
}

// What is not looked at is said, and is no fault.
func TestBounds(t *testing.T) {
	for _, db := range []storetest.Database{storetest.SQLite, storetest.Postgres} {
		t.Run(db.Kind, func(t *testing.T) {
			p := healthy(t, db, false)
			p.Rows = 1
			results, err := doctor.Examine(t.Context(), p.Options)
			p.must(err)
			if names, text := found(t, results); len(names) > 0 {
				t.Errorf("found %v:\n%s", names, text)
			}
			n := slices.IndexFunc(results, func(r doctor.Result) bool { return r.Name == "statistics" })
			if got := results[n]; got.NotLookedAt != "deliveries, which has more than 1 rows" || got.Status != doctor.Skipped {
				t.Errorf("not looked at: %+v", got)
			}
		})
	}
}

// The file that measures the disk is really synchronized, and is removed.
func TestDiskIsMeasured(t *testing.T) {
	p := healthy(t, storetest.SQLite, true)
	synced := 0
	p.Host.Sync = func(f interface{ Sync() error }) error {
		synced++
		return f.Sync()
	}
	if _, text := p.examine(); synced < 3 || !strings.Contains(text, "a synchronous write takes") {
		t.Errorf("%d times:\n%s", synced, text)
	}
}
