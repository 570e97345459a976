// Package config defines an operator's settings and their bounds: one Config, filled from flags and environment by the tags of its
// fields. It opens no files but those of secrets.
package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Config has all settings of an operator.
type Config struct {
	Storage
	Logging

	Listen               string         `env:"HOOKGRAPH_LISTEN" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on; the default is ${default}. Port 0 picks a free port."`
	Retention            time.Duration  `env:"HOOKGRAPH_RETENTION" default:"720h" help:"How long completed events and their attempts are kept; 0 keeps them forever."`
	KeepFailed           time.Duration  `env:"HOOKGRAPH_KEEP_FAILED" default:"0" help:"How long events with a failed delivery are kept, where that is longer than --retention."`
	StatisticsRetention  time.Duration  `env:"HOOKGRAPH_STATISTICS_RETENTION" default:"9600h" help:"How long statistics are kept, whatever the retention of events; at least 72h."`
	AuditRetention       time.Duration  `env:"HOOKGRAPH_AUDIT_RETENTION" default:"9600h" help:"How long entries of the audit log are kept, also those of deleted tenants; at least 24h."`
	DeliveryMaxAge       *time.Duration `env:"HOOKGRAPH_DELIVERY_MAX_AGE" placeholder:"DURATION" help:"How long a delivery may be due, even while its webhook is disabled, before it fails. The default is the retention of its tenant; 0 means forever."`
	Timeout              time.Duration  `env:"HOOKGRAPH_TIMEOUT" default:"15s" help:"Time limit for one attempt, 1s to 30s, unless the webhook has its own."`
	Concurrency          int            `env:"HOOKGRAPH_CONCURRENCY" default:"4096" help:"Maximum number of concurrent attempts. Each uses 25 to 60 KiB of memory and a file descriptor. Half of them are for receivers that are slow, failing or new."`
	MaxPayload           Bytes          `env:"HOOKGRAPH_MAX_PAYLOAD" default:"256KiB" help:"Maximum size of the data of one event."`
	AllowPrivateTargets  bool           `env:"HOOKGRAPH_ALLOW_PRIVATE_TARGETS" help:"For development: allow webhooks on loopback and private addresses, over plain HTTP, on any port."`
	AllowTarget          []netip.Prefix `env:"HOOKGRAPH_ALLOW_TARGET" placeholder:"CIDR" help:"Private address ranges that webhooks may use."`
	DenyTarget           []netip.Prefix `env:"HOOKGRAPH_DENY_TARGET" placeholder:"CIDR" help:"Address ranges that webhooks may not use."`
	TargetPort           []uint16       `env:"HOOKGRAPH_TARGET_PORT" placeholder:"PORT" help:"Ports that webhooks may use; the default is 443 only."`
	ForwardProxy         string         `env:"HOOKGRAPH_FORWARD_PROXY" secret:"" placeholder:"URL" help:"HTTP or HTTPS proxy for all webhooks, by CONNECT to an address that Hookgraph has checked. Put a password only in the variable."`
	AllowedOrigins       []string       `env:"HOOKGRAPH_ALLOWED_ORIGINS" placeholder:"ORIGIN" help:"Web origins, besides the server's own, that may call the API over HTTP and WebSocket, such as https://app.example.com."`
	TLSCert              string         `name:"tls-cert" env:"HOOKGRAPH_TLS_CERT" placeholder:"FILE" help:"PEM file of the TLS certificate and its chain. It is reloaded when it changes."`
	TLSKey               string         `name:"tls-key" env:"HOOKGRAPH_TLS_KEY" placeholder:"FILE" help:"PEM file of the key of the TLS certificate."`
	TrustedProxy         []netip.Prefix `env:"HOOKGRAPH_TRUSTED_PROXY" placeholder:"CIDR" help:"Addresses of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted."`
	PublicURL            string         `name:"public-url" env:"HOOKGRAPH_PUBLIC_URL" placeholder:"URL" help:"Origin at which browsers reach the server, such as https://hooks.example.com, for links to the customer portal; the path below it is --base-path. The default is the address it listens on."`
	PortalFrameAncestors []string       `env:"HOOKGRAPH_PORTAL_FRAME_ANCESTORS" placeholder:"ORIGIN" help:"Web origins whose pages may show the customer portal in a frame, such as https://app.example.com; the default is none."`
	BasePath             string         `env:"HOOKGRAPH_BASE_PATH" placeholder:"/PATH" help:"Path below which a reverse proxy shows the server, such as /hooks. The proxy may remove it or pass it on."`
	DisableIntrospection bool           `env:"HOOKGRAPH_DISABLE_INTROSPECTION" help:"Disable GraphQL introspection and /schema.graphql. GraphiQL then has no completion and no documentation."`
	TrustedDocuments     string         `env:"HOOKGRAPH_TRUSTED_DOCUMENTS" placeholder:"PATH" type:"path" help:"Allow only these GraphQL documents: a JSON object from SHA-256 to document, as graphql-codegen writes it, or a directory of .graphql files. GraphiQL then does not work."`

	BackupEvery time.Duration `env:"HOOKGRAPH_BACKUP_EVERY" default:"0" help:"How often to back up the SQLite database; 0 means never."`
	BackupKeep  int           `env:"HOOKGRAPH_BACKUP_KEEP" default:"7" help:"How many of these backups are kept. Older ones are removed once a new one is complete and checked."`
	BackupDir   string        `env:"HOOKGRAPH_BACKUP_DIR" placeholder:"DIR" help:"Directory for these backups, on another disk if possible; the default is the directory backups in the data directory."`

	MetricsListen  *string `env:"HOOKGRAPH_METRICS_LISTEN" placeholder:"HOST:PORT|off" help:"Address to serve metrics for Prometheus on, at /metrics, without authentication. The default is 127.0.0.1:9464, unless it is taken."`
	MetricsTenants int     `env:"HOOKGRAPH_METRICS_TENANTS" default:"0" help:"Number of tenants, at most 1000, whose deliveries metrics show by tenant: those that send first after a start."`
	MetricsPprof   bool    `env:"HOOKGRAPH_METRICS_PPROF" help:"Serve profiles of the process (net/http/pprof) at /debug/pprof/ of the address of the metrics."`

	MaxWebhooks       int `env:"HOOKGRAPH_MAX_WEBHOOKS" default:"10000" help:"Maximum number of webhooks of a tenant without a quota of its own; 0 means unlimited."`
	MaxTokens         int `env:"HOOKGRAPH_MAX_TOKENS" default:"1000" help:"Maximum number of valid tokens of a tenant without a quota of its own; 0 means unlimited."`
	MaxPortalSessions int `env:"HOOKGRAPH_MAX_PORTAL_SESSIONS" default:"1000" help:"Maximum number of links and sessions of the customer portal that can be used, of a tenant without a quota of its own; 0 means unlimited."`
	MaxEvents         int `env:"HOOKGRAPH_MAX_EVENTS" default:"0" help:"Maximum number of stored events of a tenant without a quota of its own; 0 means unlimited."`
	PublishRate       int `env:"HOOKGRAPH_PUBLISH_RATE" default:"0" help:"Maximum number of events published per second by a tenant without a quota of its own; 0 means unlimited."`
	PublishBurst      int `env:"HOOKGRAPH_PUBLISH_BURST" default:"0" help:"Maximum number of events published in a burst, at least 1000, by a tenant without a quota of its own; 0 means twice the rate."`
	CostRate          int `env:"HOOKGRAPH_COST_RATE" default:"1000000" help:"Maximum cost per second of the operations of one tenant with all its tokens, or of one operator token; one token of a tenant may use half of it. 0 means unlimited. extensions.cost is the cost of an operation, at most 10000."`
	CostBurst         int `env:"HOOKGRAPH_COST_BURST" default:"0" help:"Maximum cost of the operations of one tenant, or of one operator token, in a burst, at least 10000; 0 means twice the rate, and at least 10000."`

	Proxy *url.URL `kong:"-"` // parsed ForwardProxy; nil without one

	// Tracing says where traces go; nil: nowhere. OpenTelemetry's variables have it, which TracingRead lists.
	Tracing     *Tracing       `kong:"-"`
	TracingRead []VariableRead `kong:"-"`

	// BootstrapToken is an operator token that exists from the first start, for automation. From the environment only:
	// other users of the machine can read a command line.
	BootstrapToken string `kong:"-"`
}

// MaxAge returns how long a delivery may be due; 0 means forever.
func (c *Config) MaxAge() time.Duration {
	if c.DeliveryMaxAge == nil {
		return c.Retention
	}
	return *c.DeliveryMaxAge
}

// Kept returns how long events are kept of a tenant without a retention of its own.
func (c *Config) Kept() webhook.Retention {
	return webhook.Retention{Keep: c.Retention, KeepFailed: c.KeepFailed}
}

// MetricsAt returns where metrics are served; "" means nowhere.
func (c *Config) MetricsAt() string {
	switch at := c.MetricsListen; {
	case at == nil:
		return defaultMetrics
	case *at == "off":
		return ""
	default:
		return *at
	}
}

// Quotas returns the quotas of a tenant without its own.
func (c *Config) Quotas() webhook.Quotas {
	return webhook.Quotas{Webhooks: c.MaxWebhooks, Tokens: c.MaxTokens, PortalSessions: c.MaxPortalSessions, Events: c.MaxEvents, PublishRate: c.PublishRate, PublishBurst: c.PublishBurst}
}

// Storage says where the database is.
type Storage struct {
	Database string `env:"HOOKGRAPH_DATABASE" secret:"" default:"./data" placeholder:"DIR|URL" help:"Directory of the SQLite database, which serve creates if it does not exist; the default is ${default}. Or the postgres:// URL, or host=… dbname=…, of a PostgreSQL database. Put a password only in the variable or its file."`
	// MasterKeys seal signing secrets and custom headers: 32 bytes each, the current one first, or none for the key file in
	// the database's directory. From the environment only.
	MasterKeys [][]byte `kong:"-"`
}

// Logging says what is logged, and how.
type Logging struct {
	LogRequests bool       `env:"HOOKGRAPH_LOG_REQUESTS" help:"Log each HTTP request and each GraphQL operation: what was called, by which token, the status and how long it took. Never bodies, headers or query strings."`
	LogFormat   string     `env:"HOOKGRAPH_LOG_FORMAT" default:"text" enum:"text,json" help:"Format of the log: text or json."`
	LogLevel    slog.Level `env:"HOOKGRAPH_LOG_LEVEL" default:"info" help:"Lowest level that is logged: debug, info, warn or error."`
}

// The variables that have no flag.
const (
	EnvMasterKey      = "HOOKGRAPH_MASTER_KEY"
	EnvBootstrapToken = "HOOKGRAPH_BOOTSTRAP_TOKEN" //nolint:gosec // the name of a variable
)

// Bounds.
const (
	MaxConcurrency = 10_000
	// MaxCost is what one GraphQL operation may cost.
	MaxCost            = 10_000
	MaxPayload         = 16 << 20
	maxMetricsTenants  = 1000
	defaultMetrics     = "127.0.0.1:9464" // as help says
	minPayload         = 1 << 10
	MaxTokenBytes      = 256
	minBootstrapLength = 20
	maxQuota           = 1_000_000_000
)

// CostAtOnce returns what the operations of a tenant may cost in a burst. It is never less than MaxCost, so that the most expensive
// operation is charged in full.
func (c *Config) CostAtOnce() int {
	if c.CostBurst == 0 {
		return max(2*c.CostRate, MaxCost)
	}
	return c.CostBurst
}

const maxBasePath = 200

var basePath = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$`)

// OwnPaths are the first words of the server's paths. A base path that began with one could not be told from them.
var OwnPaths = []string{
	"assets", "deliveries", "developers", "event-types", "events", "graphiql", "graphql", "issues", "licenses.md", "livez", "openapi.json", "operate", "portal", "readyz", "replays",
	"schema.graphql", "settings", "test-receiver", "v1", "webhooks",
}

func isBasePath(at string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(at, "/"), "/")
	return len(at) <= maxBasePath && basePath.MatchString(at) && !slices.Contains(OwnPaths, first)
}

// Check reads the settings that only the environment has, and applies the rules that types cannot.
func (c *Config) Check(getenv func(string) string) error {
	errs := []error{c.Storage.Check(getenv)}
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Retention < 0 || c.Retention > 0 && c.Retention < time.Minute {
		bad("--retention: must be 0, forever, or at least 1m")
	}
	if c.KeepFailed < 0 || c.KeepFailed > 0 && c.KeepFailed < time.Minute {
		bad("--keep-failed: must be 0, as long as others, or at least 1m")
	}
	if keep := c.StatisticsRetention; keep != 0 && keep < 72*time.Hour {
		bad("--statistics-retention: must be at least 72h")
	}
	if keep := c.AuditRetention; keep != 0 && keep < 24*time.Hour {
		bad("--audit-retention: must be at least 24h")
	}
	if age := c.MaxAge(); age < 0 || age > 0 && age < time.Minute {
		bad("--delivery-max-age: must be 0, forever, or at least 1m")
	}
	if c.Timeout < webhook.MinTimeout || c.Timeout > webhook.MaxTimeout {
		bad("--timeout: must be from %v to %v", webhook.MinTimeout, webhook.MaxTimeout)
	}
	if c.Concurrency < 1 || c.Concurrency > MaxConcurrency {
		bad("--concurrency: must be from 1 to %d", MaxConcurrency)
	}
	if c.MaxPayload < minPayload || c.MaxPayload > MaxPayload {
		bad("--max-payload: must be from %v to %v", Bytes(minPayload), Bytes(MaxPayload))
	}
	for flag, n := range map[string]int{
		"max-webhooks": c.MaxWebhooks, "max-tokens": c.MaxTokens, "max-portal-sessions": c.MaxPortalSessions, "max-events": c.MaxEvents, "publish-rate": c.PublishRate, "publish-burst": c.PublishBurst,
		"cost-rate": c.CostRate, "cost-burst": c.CostBurst,
	} {
		if n < 0 || n > maxQuota {
			bad("--%s: must be from 0 to %d", flag, maxQuota)
		}
	}
	if err := CheckListen(c.Listen); err != nil {
		bad("--listen: %w", err)
	}
	errs = append(errs, c.checkMetrics()...)
	if c.PublishBurst > 0 && c.PublishRate == 0 {
		bad("--publish-burst: has no effect without --publish-rate; give both")
	}
	if c.CostBurst > 0 && c.CostRate == 0 {
		bad("--cost-burst: has no effect without --cost-rate; give both")
	} else if c.CostBurst > 0 && c.CostBurst < MaxCost {
		bad("--cost-burst: must be at least %d, the maximum cost of one operation; or give 0", MaxCost)
	}
	errs = append(errs, c.checkOrigins())
	for flag, ranges := range map[string][]netip.Prefix{"allow-target": c.AllowTarget, "deny-target": c.DenyTarget, "trusted-proxy": c.TrustedProxy} {
		for _, p := range ranges {
			if p != p.Masked() {
				bad("--%s: %v has bits behind its prefix: write %v, or %v for the one address", flag, p, p.Masked(), p.Addr())
			}
		}
	}
	if c.BasePath = strings.TrimSuffix(c.BasePath, "/"); c.BasePath != "" && !isBasePath(c.BasePath) {
		bad("--base-path: must be like /hooks or /a/b, letters, digits and -._~ in at most %d characters, and must not begin as one of the server's own paths, such as /v1 or /events", maxBasePath)
	}
	if slices.Contains(c.TargetPort, 0) {
		bad("--target-port: must be from 1 to 65535")
	}
	if c.ForwardProxy != "" {
		u, err := url.Parse(c.ForwardProxy)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.Trim(u.Path, "/")+u.RawQuery+u.Fragment != "" {
			bad("--forward-proxy: must be like http://proxy.example.com:3128") // never the value, which may hold a password
		}
		c.Proxy = u
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		bad("--tls-cert and --tls-key: give both or neither")
	}
	var err error
	c.Tracing, c.TracingRead, err = readTracing(getenv)
	errs = append(errs, c.checkBackups(), c.readBootstrapToken(getenv), err)
	return errors.Join(errs...)
}

const maxBackups = 10_000

func (c *Config) checkBackups() error {
	_, postgres, _ := readDatabase(c.Database)
	switch {
	case c.BackupEvery != 0 && postgres:
		return errors.New("--backup-every: is for SQLite; back PostgreSQL up with its own tools, see docs/operating.md")
	case c.BackupEvery != 0 && c.BackupEvery < time.Minute:
		return errors.New("--backup-every: must be 0, never, or at least 1m")
	case c.BackupEvery != 0 && c.BackupKeep < 1 || c.BackupKeep > maxBackups:
		return fmt.Errorf("--backup-keep: must be from 1 to %d", maxBackups)
	case c.BackupDir != "" && c.BackupEvery == 0:
		return errors.New("--backup-dir: has no effect without --backup-every; give both")
	}
	return nil
}

// Backups returns the directory for backups by the clock, and whether the operator has named it.
func (c *Config) Backups() (dir string, named bool) {
	if c.BackupDir != "" {
		return c.BackupDir, true
	}
	return filepath.Join(c.Database, "backups"), false
}

// checkOrigins checks the web origins, and writes them as browsers do.
func (c *Config) checkOrigins() error {
	var errs []error
	for flag, origins := range map[string][]string{"allowed-origins": c.AllowedOrigins, "portal-frame-ancestors": c.PortalFrameAncestors} {
		for i, o := range origins {
			origin, err := readOrigin(o)
			if err != nil {
				errs = append(errs, fmt.Errorf("--%s: %w", flag, err))
			}
			origins[i] = origin
		}
	}
	if c.PublicURL != "" {
		origin, err := readOrigin(c.PublicURL)
		if err != nil || strings.Contains(origin, "*") {
			errs = append(errs, fmt.Errorf("--public-url: %q is not an origin like https://hooks.example.com; the path below it is --base-path", c.PublicURL))
		}
		c.PublicURL = origin
	}
	return errors.Join(errs...)
}

// checkMetrics checks the settings of metrics.
func (c *Config) checkMetrics() (errs []error) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch at := c.MetricsAt(); {
	case at != "" || c.MetricsListen != nil && *c.MetricsListen == "":
		if err := CheckListen(at); err != nil {
			bad("--metrics-listen: %w; or off", err)
		} else if at == c.Listen && !strings.HasSuffix(at, ":0") {
			bad("--metrics-listen: %s is the address of --listen; give one with another port, or off", at)
		}
	case c.MetricsPprof:
		bad("--metrics-pprof: has no effect with --metrics-listen off")
	}
	if c.MetricsTenants < 0 || c.MetricsTenants > maxMetricsTenants {
		bad("--metrics-tenants: must be from 0 to %d", maxMetricsTenants)
	}
	return errs
}

// readBootstrapToken reads the token from the environment, and checks it.
func (c *Config) readBootstrapToken(getenv func(string) string) error {
	token, err := Secret(getenv, EnvBootstrapToken)
	c.BootstrapToken = token
	switch {
	case err != nil || token == "":
		return err
	case strings.ContainsFunc(token, unicode.IsSpace):
		return fmt.Errorf("%s: contains white space; it must be a single token", EnvBootstrapToken)
	case len(token) < minBootstrapLength || len(token) > MaxTokenBytes || strings.ContainsFunc(token, notToken):
		return fmt.Errorf("%s: must be %d to %d characters of a bearer token (letters, digits and -._~+/=)", EnvBootstrapToken, minBootstrapLength, MaxTokenBytes)
	}
	return nil
}

// readOrigin returns an origin as browsers send it: in lower case, without the scheme's default port, without a trailing slash.
// The first label of its host may be a wildcard.
func readOrigin(text string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Opaque != "" || strings.Trim(u.Path, "/")+u.RawQuery+u.Fragment != "" {
		return text, fmt.Errorf("%q is not an origin like https://app.example.com", text)
	}
	host := strings.ToLower(u.Hostname())
	name := strings.TrimPrefix(host, "*.")
	if _, notIP := netip.ParseAddr(host); notIP != nil && !hostName.MatchString(name) {
		return text, fmt.Errorf("%q is not an origin like https://app.example.com; a wildcard stands for the first label of a host: https://*.example.com", text)
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	port := u.Port()
	if n, err := strconv.ParseUint(port, 10, 16); strings.HasSuffix(u.Host, ":") || port != "" && (err != nil || n == 0) {
		return text, fmt.Errorf("%q has no port from 1 to 65535", text)
	}
	if port != "" && (u.Scheme != "http" || port != "80") && (u.Scheme != "https" || port != "443") {
		host += ":" + port
	}
	return u.Scheme + "://" + host, nil
}

// notToken reports whether r is invalid in a bearer token (RFC 6750, section 2.1).
func notToken(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._~+/=", r)
}

// Check reads the master keys and parses Database.
func (s *Storage) Check(getenv func(string) string) error {
	database, postgres, err := readDatabase(s.Database)
	if err != nil {
		return fmt.Errorf("--database: %w", err)
	}
	s.Database = database
	s.MasterKeys = nil
	text, err := Secret(getenv, EnvMasterKey)
	if err != nil {
		return err
	}
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
		key, err := base64.StdEncoding.DecodeString(part)
		if err != nil || len(key) != 32 { // never the value
			return fmt.Errorf("%s: must be 32 bytes in base64 (openssl rand -base64 32); several are separated by commas or lines, the current one first", EnvMasterKey)
		}
		s.MasterKeys = append(s.MasterKeys, key)
	}
	if postgres && s.MasterKeys == nil {
		return fmt.Errorf("%s: must be set with PostgreSQL, to the same 32 bytes in base64 for every replica", EnvMasterKey)
	}
	return nil
}

// Place says where the database is, without a password: the directory's absolute path, or PostgreSQL's host and database.
func (s *Storage) Place() string {
	u, err := url.Parse(s.Database)
	if err != nil || u.Scheme != "postgres" {
		if path, err := filepath.Abs(s.Database); err == nil {
			return path
		}
		return s.Database
	}
	host := u.Host
	if host == "" {
		host = u.Query().Get("host")
	}
	return strings.TrimSuffix("PostgreSQL, database "+strings.TrimPrefix(u.Path, "/")+" on "+host, " on ")
}

// LogValue keeps secrets out of logs if a Config is logged.
func (c *Config) LogValue() slog.Value {
	return slog.GroupValue(slog.String("listen", c.Listen), slog.String("database", c.Place()))
}

// Logger returns the program's logger, which writes to w. Repeated warnings are limited.
func (l *Logging) Logger(w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: l.LogLevel}
	var h slog.Handler = slog.NewTextHandler(w, o)
	if l.LogFormat == "json" {
		h = slog.NewJSONHandler(w, o)
	}
	return slog.New(&bounded{h, &bounds{lines: map[string]*line{}}})
}
