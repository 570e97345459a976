package webhooktest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver

	"github.com/hookgraph/hookgraph/internal/store"
)

// EnvPostgres is the variable with the URL of a PostgreSQL server on which tests may create databases; "none" skips those that need one.
const EnvPostgres = "HOOKGRAPH_TEST_POSTGRES"

// MasterKey seals secrets of tests that have no directory for a key file.
var MasterKey = []byte("0123456789abcdef0123456789abcdef")

// Server is a PostgreSQL server for tests.
type Server struct {
	url  string // of its database postgres
	dir  string
	port int
	bin  string
	stop io.Closer // its end stops the server and removes dir
	cmd  *exec.Cmd
}

// shared is the server of this test binary. It ends with the process.
var shared = sync.OnceValues(func() (*Server, error) {
	if u := os.Getenv(EnvPostgres); u != "" {
		return &Server{url: u}, nil
	}
	return startPostgres()
})

// template is a database with the schema, which is faster to copy than to create.
var template = sync.OnceValues(func() (string, error) {
	s, err := shared()
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("template_%d", os.Getpid())
	if err := s.admin("CREATE DATABASE " + name); err != nil {
		return "", err
	}
	st, err := store.Open(context.Background(), store.Options{URL: s.database(name), MasterKeys: [][]byte{MasterKey}})
	if err != nil {
		return "", err
	}
	return name, st.Close()
})

var databases atomic.Int64

// Postgres creates a database, which the test's end drops, and returns its URL. Without a server the test is skipped; in CI it
// fails.
func Postgres(tb testing.TB) string {
	tb.Helper()
	s := running(tb)
	if s.cmd == nil {
		return s.create(tb, "") // a template would remain there
	}
	from, err := template()
	if err != nil {
		tb.Fatal(err)
	}
	return s.create(tb, " TEMPLATE "+from)
}

// running returns the server that tests share.
func running(tb testing.TB) *Server {
	tb.Helper()
	Watch(tb)
	wanted(tb)
	s, err := shared()
	if err != nil {
		missing(tb, err)
	}
	return s
}

// PostgresFor is Postgres of a locale of ICU, such as "tr". Without ICU the test is skipped.
func PostgresFor(tb testing.TB, locale string) string {
	tb.Helper()
	made, err := running(tb).made(tb, " LOCALE_PROVIDER icu ICU_LOCALE '"+locale+"' TEMPLATE template0")
	if err != nil {
		tb.Skip(err)
	}
	return made
}

// StartPostgres starts a server for one test, which may crash it. The test's end stops it.
func StartPostgres(tb testing.TB) *Server {
	tb.Helper()
	Watch(tb)
	wanted(tb)
	s, err := startPostgres()
	if err != nil {
		missing(tb, err)
	}
	tb.Cleanup(func() {
		_ = s.stop.Close()
		_ = s.cmd.Wait()
	})
	return s
}

func wanted(tb testing.TB) {
	tb.Helper()
	if os.Getenv(EnvPostgres) == "none" {
		tb.Skip(EnvPostgres + " is none")
	}
}

func missing(tb testing.TB, err error) {
	tb.Helper()
	message := "no PostgreSQL: install its server (Debian: apt-get install postgresql), or name one on which databases may be made by " + EnvPostgres
	if os.Getenv("CI") == "true" {
		tb.Fatalf("%s: %v", message, err)
	}
	tb.Skipf("%s: %v", message, err)
}

// Database creates an empty database, which the test's end drops, and returns its URL.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	return s.create(tb, "")
}

func (s *Server) create(tb testing.TB, how string) string {
	tb.Helper()
	made, err := s.made(tb, how)
	if err != nil {
		tb.Fatal(err)
	}
	return made
}

func (s *Server) made(tb testing.TB, how string) (url string, err error) {
	tb.Helper()
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), databases.Add(1))
	if err := s.admin("CREATE DATABASE " + name + how); err != nil {
		return "", err
	}
	tb.Cleanup(func() {
		if s.cmd != nil {
			return // it is removed with the server
		}
		if err := s.admin("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			tb.Error(err)
		}
	})
	return s.database(name), nil
}

// database returns the URL of a database of the server.
func (s *Server) database(name string) string {
	u, err := url.Parse(s.url)
	if err != nil {
		return s.url
	}
	u.Path = "/" + name
	return u.String()
}

func (s *Server) admin(text string) (err error) {
	db, err := sql.Open("pgx", s.url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := db.ExecContext(ctx, text); err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	return nil
}

// postgresBin returns the directory of the server's programs.
func postgresBin() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			found = append(found, real)
		}
	}
	if len(found) == 0 {
		return "", errors.New("initdb is neither in PATH nor in /usr/lib/postgresql")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// startPostgres creates a cluster and starts it.
func startPostgres() (*Server, error) {
	return launch("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync")
}

// Standby starts a synchronous standby of s, for Failover. The test's end stops it.
func (s *Server) Standby(tb testing.TB) *Server {
	tb.Helper()
	other, err := launch("pg_basebackup", "-d", s.url, "-R", "-c", "fast", "-X", "stream", "--no-sync")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = other.stop.Close()
		_ = other.cmd.Wait()
	})
	for _, text := range []string{"ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"} {
		if err := s.admin(text); err != nil {
			tb.Fatal(err)
		}
	}
	if err := s.admin(`DO $$ BEGIN FOR i IN 1..600 LOOP
		IF EXISTS (SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync') THEN RETURN; END IF;
		PERFORM pg_sleep(0.05), pg_stat_clear_snapshot();
		END LOOP; RAISE 'the standby does not follow'; END $$`); err != nil {
		tb.Fatal(err)
	}
	return other
}

// Failover stops the server as a crash does, and promotes its standby.
func (s *Server) Failover(tb testing.TB, standby *Server) {
	tb.Helper()
	s.control(tb, "stop", "-m", "immediate")
	standby.control(tb, "promote")
}

// Same returns the URL of this server's database with the same name as the given one.
func (s *Server) Same(tb testing.TB, database string) string {
	tb.Helper()
	u, err := url.Parse(database)
	if err != nil {
		tb.Fatal(err)
	}
	return s.database(strings.TrimPrefix(u.Path, "/"))
}

// Either returns a database's URL with which clients find the primary of two servers.
func (s *Server) Either(database string, other *Server) string {
	own := fmt.Sprintf("127.0.0.1:%d", s.port)
	return strings.Replace(database, own, own+fmt.Sprintf(",127.0.0.1:%d", other.port), 1) + "?target_session_attrs=read-write"
}

// launch creates a cluster in a temporary directory with a program of PostgreSQL's, and starts it on a free loopback port.
func launch(program string, args ...string) (_ *Server, err error) {
	s := &Server{}
	if s.bin, err = postgresBin(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp(memory(), "hookgraph-postgres-"); err != nil {
		return nil, err
	}
	if err := giveAway(s.dir); err != nil {
		return nil, err
	}
	data := filepath.Join(s.dir, "data")
	fill := exec.Command(filepath.Join(s.bin, program), append([]string{"-D", data}, args...)...)
	unprivileged(fill)
	fill.Dir = s.dir
	if out, err := fill.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", program, err, out)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") // at the last moment, so that no other process gets the port
	if err != nil {
		return nil, err
	}
	s.port = listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	settings := []string{
		"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(s.port), "unix_socket_directories=" + s.dir,
		"max_connections=300", "shared_buffers=128MB", "max_wal_size=256MB", "log_checkpoints=off",
	}
	script := `trap : HUP INT TERM # of all tests: cat ends by it, and what follows removes the cluster
dir=$1; bin=$2; shift 2
"$bin/postgres" -D "$dir/data" "$@" >"$dir/log" 2>&1 &
cat >/dev/null
"$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1
rm -rf "$dir"`
	args = []string{"-c", script, "sh", s.dir, s.bin}
	for _, v := range settings {
		args = append(args, "-c", v)
	}
	s.cmd = exec.Command("sh", args...)
	unprivileged(s.cmd)
	s.cmd.Dir = s.dir
	if s.stop, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.url = fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres", s.port)
	return s, s.wait()
}

// wait waits until the server answers.
func (s *Server) wait() error {
	db, err := sql.Open("pgx", s.url)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for until := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) { // nothing tells when it accepts connections
		// Another program may have got the port, and not answer.
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		err := db.PingContext(ctx)
		cancel()
		if err == nil {
			return nil
		}
		if time.Now().After(until) {
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("PostgreSQL does not start: %w: %s", err, strings.TrimSpace(string(log)))
		}
	}
}

// Restart stops the server as a crash does, and starts it again.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	s.control(tb, "stop", "-m", "immediate")
	s.Start(tb)
}

// Copy stops the server, copies its files, and returns a function that restores them, like a snapshot of its disk.
func (s *Server) Copy(tb testing.TB) (putBack func()) {
	tb.Helper()
	data, copied := filepath.Join(s.dir, "data"), filepath.Join(s.dir, "copied")
	files := func(from, to string) {
		tb.Helper()
		cmd := exec.Command("sh", "-c", `rm -rf "$2" && cp -a "$1" "$2"`, "sh", from, to)
		unprivileged(cmd)
		cmd.Dir = s.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			tb.Fatalf("copy %s: %v: %s", from, err, out)
		}
	}
	s.control(tb, "stop", "-m", "fast")
	files(data, copied)
	s.Start(tb)
	return func() {
		tb.Helper()
		s.control(tb, "stop", "-m", "immediate")
		files(copied, data)
		s.Start(tb)
	}
}

// Stop stops the server as a crash does.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	s.control(tb, "stop", "-m", "immediate")
}

// Start starts the server again.
func (s *Server) Start(tb testing.TB) {
	tb.Helper()
	s.control(tb, "start", "-l", filepath.Join(s.dir, "log"), "-o", fmt.Sprintf(
		"-c listen_addresses=127.0.0.1 -c port=%d -c unix_socket_directories=%s -c max_connections=300 -c shared_buffers=128MB -c max_wal_size=256MB", s.port, s.dir))
	if err := s.wait(); err != nil {
		tb.Fatal(err)
	}
}

// control runs pg_ctl and waits for it.
func (s *Server) control(tb testing.TB, args ...string) {
	tb.Helper()
	cmd := exec.Command(filepath.Join(s.bin, "pg_ctl"), append([]string{"-D", filepath.Join(s.dir, "data"), "-w", "-t", "180"}, args...)...)
	unprivileged(cmd)
	cmd.Dir = s.dir
	if err := cmd.Run(); err != nil { // without its output, which the server would keep open
		tb.Fatalf("pg_ctl %s: %v", args[0], err)
	}
}
