package config

import (
	"encoding/base64"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func good() *Config {
	return &Config{
		Storage: Storage{Database: "./data"}, Listen: "127.0.0.1:8080", Retention: 720 * time.Hour, Timeout: 15 * time.Second,
		Concurrency: 4096, MaxPayload: 256 << 10,
	}
}

// An invalid setting is refused with the name of the flag or variable, and a secret's value is not repeated.
func TestCheckNamesTheMistake(t *testing.T) {
	const secret = "not-a-key-but-a-secret"
	for name, tc := range map[string]struct {
		change func(*Config)
		env    map[string]string
		want   string // "": accepted
	}{
		"defaults":            {},
		"retention forever":   {change: func(c *Config) { c.Retention = 0 }},
		"age forever":         {change: func(c *Config) { c.DeliveryMaxAge = new(time.Duration(0)) }},
		"age too short":       {change: func(c *Config) { c.DeliveryMaxAge = new(time.Second) }, want: "--delivery-max-age"},
		"negative age":        {change: func(c *Config) { c.DeliveryMaxAge = new(-time.Hour) }, want: "--delivery-max-age"},
		"retention too short": {change: func(c *Config) { c.Retention = time.Second }, want: "--retention"},
		"timeout too long":    {change: func(c *Config) { c.Timeout = time.Minute }, want: "--timeout"},
		"timeout too short":   {change: func(c *Config) { c.Timeout = time.Millisecond }, want: "--timeout"},
		"no concurrency":      {change: func(c *Config) { c.Concurrency = 0 }, want: "--concurrency"},
		"payload too large":   {change: func(c *Config) { c.MaxPayload = 1 << 30 }, want: "--max-payload"},
		"no database":         {change: func(c *Config) { c.Database = "" }, want: "--database"},
		"postgres":            {change: func(c *Config) { c.Database = "postgres://u:p@h/d" }, want: "HOOKGRAPH_MASTER_KEY"},
		"mysql":               {change: func(c *Config) { c.Database = "mysql://h/d" }, want: "not a supported database"},
		"origin":              {change: func(c *Config) { c.AllowedOrigins = []string{"https://app.example.com"} }},
		"origin with path":    {change: func(c *Config) { c.AllowedOrigins = []string{"https://app.example.com/x"} }, want: "--allowed-origins"},
		"origin without host": {change: func(c *Config) { c.AllowedOrigins = []string{"app.example.com"} }, want: "--allowed-origins"},
		"master key":          {env: map[string]string{EnvMasterKey: base64.StdEncoding.EncodeToString(make([]byte, 32))}},
		"short master key":    {env: map[string]string{EnvMasterKey: secret}, want: EnvMasterKey},
		"bootstrap token":     {env: map[string]string{EnvBootstrapToken: "hg_0123456789012345678901234567890123456789"}},
		"several keys":        {env: map[string]string{EnvMasterKey: base64.StdEncoding.EncodeToString(make([]byte, 32)) + ", " + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))}},
		"backups":             {change: func(c *Config) { c.BackupEvery, c.BackupKeep, c.BackupDir = time.Hour, 1, "/backups" }},
		"backups too often":   {change: func(c *Config) { c.BackupEvery = time.Second }, want: "--backup-every"},
		"no backup is kept":   {change: func(c *Config) { c.BackupEvery, c.BackupKeep = time.Hour, 0 }, want: "--backup-keep"},
		"backups never":       {change: func(c *Config) { c.BackupDir = "/backups" }, want: "--backup-dir"},
		"backups, postgres":   {change: func(c *Config) { c.BackupEvery, c.BackupKeep, c.Database = time.Hour, 1, "postgres://u:p@h/d" }, want: "--backup-every"},
		"base path":           {change: func(c *Config) { c.BasePath = "/tools/hooks/" }},
		"base path, relative": {change: func(c *Config) { c.BasePath = "hooks" }, want: "--base-path"},
		"base path, its own":  {change: func(c *Config) { c.BasePath = "/v1/hooks" }, want: "--base-path"},
		"base path, dots":     {change: func(c *Config) { c.BasePath = "/a/../b" }, want: "--base-path"},
		"base path, escaped":  {change: func(c *Config) { c.BasePath = "/a%2Fb" }, want: "--base-path"},
		"base path, too long": {change: func(c *Config) { c.BasePath = "/" + strings.Repeat("a", 200) }, want: "--base-path"},
		"port 0":              {change: func(c *Config) { c.TargetPort = []uint16{443, 0} }, want: "--target-port"},
		"forward proxy":       {change: func(c *Config) { c.ForwardProxy = "http://u:" + secret + "@proxy.example.com:3128" }},
		"proxy scheme":        {change: func(c *Config) { c.ForwardProxy = "socks5://u:" + secret + "@proxy.example.com" }, want: "--forward-proxy"},
		"proxy is no URL":     {change: func(c *Config) { c.ForwardProxy = "http://u:" + secret + "@pro xy%zz" }, want: "--forward-proxy"},
		"proxy with a path":   {change: func(c *Config) { c.ForwardProxy = "http://u:" + secret + "@proxy.example.com/x" }, want: "--forward-proxy"},
		"certificate alone":   {change: func(c *Config) { c.TLSCert = "cert.pem" }, want: "--tls-key"},
		"short token":         {env: map[string]string{EnvBootstrapToken: "short"}, want: EnvBootstrapToken},
		"token with a space":  {env: map[string]string{EnvBootstrapToken: secret + " " + secret}, want: EnvBootstrapToken},
	} {
		t.Run(name, func(t *testing.T) {
			c := good()
			if tc.change != nil {
				tc.change(c)
			}
			err := c.Check(func(k string) string { return tc.env[k] })
			switch {
			case tc.want == "" && err != nil:
				t.Fatal(err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Fatalf("got %v, want mention of %q", err, tc.want)
			case err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "u:p@")):
				t.Fatalf("%v repeats a secret", err)
			}
		})
	}
}

// Sizes are read and written in binary units; anything else is refused.
func TestBytes(t *testing.T) {
	for text, want := range map[string]Bytes{"0": 0, "1024": 1024, "7B": 7, "256KiB": 256 << 10, "1 MiB": 1 << 20, " 2mib ": 2 << 20, "16MiB": 16 << 20, "4GiB": 4 << 30} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || b != want {
			t.Errorf("%q: %d, %v", text, b, err)
		}
		var again Bytes
		if err := again.UnmarshalText([]byte(b.String())); err != nil || again != b {
			t.Errorf("%q is written %q", text, b)
		}
	}
	for _, text := range []string{"", "-1", "1KB", "1M", "1.5MiB", "KiB", "many", "9999999999999999999", "8589934592GiB"} {
		if err := new(Bytes).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

// For people a size has one digit after the point, in the largest unit of which there is one.
func TestRounded(t *testing.T) {
	for size, want := range map[Bytes]string{0: "0 B", 1023: "1023 B", 1 << 10: "1.0 KiB", 1<<20 - 1: "1024.0 KiB", 3 << 19: "1.5 MiB", 5 << 40: "5120.0 GiB"} {
		if got := size.Rounded(); got != want {
			t.Errorf("%d is %q, want %q", int64(size), got, want)
		}
	}
}

// --database is a directory or a PostgreSQL database, in the notations that operators use. Other text that looks like a database is
// refused, not created as a directory, and no error repeats a password.
func TestDatabase(t *testing.T) {
	const secret = "s3cr3t"
	for text, want := range map[string]string{
		"./data": "./data", "/var/lib/hookgraph": "/var/lib/hookgraph", "data=1/x": "!", "./data=1": "./data=1", `C:\data`: `C:\data`, "my.data": "my.data",
		"postgres://u:s3cr3t@h:1/d?x=y":   "postgres://u:s3cr3t@h:1/d?x=y",
		"postgresql://u@h/d":              "postgres://u@h/d",
		"POSTGRES://u@h/d":                "postgres://u@h/d",
		"postgres:///d?host=/run/pg":      "postgres:///d?host=/run/pg",
		"host=h password=s3cr3t dbname=d": "postgres:///d?host=h&password=s3cr3t",
		"dbname = 'a b' user=u host=h1,h2 port=1,2 password='s3cr3t \\' \\\\'": "postgres://u:s3cr3t%20%27%20%5C@/a%20b?host=h1%2Ch2&port=1%2C2",
		"host=h user=u dbname=d sslmode=disable":                               "postgres://u@/d?host=h&sslmode=disable",
		"host=h password=s3cr3t":                                               "!dbname=",
		"host=h dbname=d passwort=s3cr3t":                                      "!passwort=",
		"host=h dbname=d password='s3cr3t":                                     "!not closed",
		"host=h dbname=d s3cr3t":                                               "!host=",
		"host=h host=s3cr3t dbname=d":                                          "!twice",
		"mysql://u:s3cr3t@h/d":                                                 "!mysql",
		"jdbc:postgresql://h/d?password=s3cr3t":                                "!jdbc",
		"postgres://u:s3cr3t@h":                                                "!postgres://user:password@host",
		"postgres:u:s3cr3t@h/d":                                                "!postgres://user:password@host",
		"postgres://u:s3cr3t#@h/d":                                             "!%23",
		"u:s3cr3t@h/d":                                                         "!without a scheme",
		"file:./data":                                                          "!name the directory",
		"sqlite:///var/data":                                                   "!name the directory",
		"sqlite::memory:":                                                      "!name the directory",
		":memory:":                                                             "!keeps nothing",
		"./data/hookgraph.db":                                                  "!not the file",
		" ./data":                                                              "!white space",
		"./data\n":                                                             "!white space",
		"":                                                                     "!must name",
		"http://s3cr3t":                                                        "!not a supported database",
	} {
		got, postgres, err := readDatabase(text)
		refused, is := strings.CutPrefix(want, "!")
		switch {
		case is && (err == nil || !strings.Contains(err.Error(), refused) || strings.Contains(err.Error(), secret)):
			t.Errorf("%q: %q, %v", text, got, err)
		case !is && (err != nil || got != want || postgres != strings.HasPrefix(want, "postgres://")):
			t.Errorf("%q: %q, %v, %v", text, got, postgres, err)
		}
		if u, err := url.Parse(got); !is && postgres && (err != nil || len(u.Path) < 2) {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// Durations may have days and weeks; one without a unit, negative or absurdly long is refused.
func TestParseDuration(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "90s": 90 * time.Second, "12h": 12 * time.Hour, "30d": 30 * day, "2w": 14 * day, "1w2d3h4m": 9*day + 3*time.Hour + 4*time.Minute,
		"1.5h": 90 * time.Minute, "36500d": MaxDuration, "0d": 0,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"": "30d", "30": "unit is missing", "-1h": "negative", "-30d": "negative", "30 d": "30d", "30days": "30d", "d": "30d", "1d2w": "30d", "1d-3h": "30d",
		"36501d": "100 years", "99999999d": "30d", "999999d": "100 years", "2562047h": "100 years", "99999999999h": "30d", "1y": "30d", " 1h": "30d", "1.5d": "30d", "5000w36500d": "100 years",
	} {
		if got, err := ParseDuration(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v, want %q", text, got, err, want)
		}
	}
}

// An address range may be one address; anything else is refused.
func TestParsePrefix(t *testing.T) {
	for text, want := range map[string]string{"10.0.0.0/8": "10.0.0.0/8", "10.1.2.3": "10.1.2.3/32", "::1": "::1/128", " fd00::/8 ": "fd00::/8"} {
		if got, err := ParsePrefix(text); err != nil || got.String() != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "localhost", "10.0.0.0/33", "fe80::1%eth0", "10.0.0", "10.0.0.0/8/8"} {
		if got, err := ParsePrefix(text); err == nil || !strings.Contains(err.Error(), "10.0.0.0/8") {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

// Origins are normalised to what browsers send; others are refused.
func TestOrigins(t *testing.T) {
	for text, want := range map[string]string{
		"https://app.example.com": "https://app.example.com", "https://App.Example.com/": "https://app.example.com", "https://a.b:443": "https://a.b",
		"http://localhost:3000": "http://localhost:3000", "http://a.b:80": "http://a.b", "https://*.example.com": "https://*.example.com", "http://[::1]:8080": "http://[::1]:8080",
	} {
		if got, err := readOrigin(text); err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "*", "null", "app.example.com", "//a.b", "ftp://a.b", "https://", "https://a.b/x", "https://a.b?x", "https://u@a.b", "https://*", "https://a.*.b", "https://*a.b",
		"https://a.b:", "https://a.b:0", "https://a.b:99999", "https://a b", "https:a.b",
	} {
		if got, err := readOrigin(text); err == nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// The burst is enough for any operation; the default is twice the rate.
func TestCostAtOnce(t *testing.T) {
	for _, tc := range []struct{ rate, burst, want int }{{1, 0, MaxCost}, {1_000_000, 0, 2_000_000}, {1, MaxCost, MaxCost}, {1, 50_000, 50_000}} {
		c := good()
		c.CostRate, c.CostBurst = tc.rate, tc.burst
		if err := c.Check(func(string) string { return "" }); err != nil || c.CostAtOnce() != tc.want {
			t.Errorf("%+v: %d, %v", tc, c.CostAtOnce(), err)
		}
	}
}

// Contradictory or meaningless settings are refused with their names.
func TestContradictions(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"--cost-burst: has no effect":      func(c *Config) { c.CostBurst = 1 },
		"at least 10000, the maximum cost": func(c *Config) { c.CostRate, c.CostBurst = 1, MaxCost-1 },
		"--publish-burst":                  func(c *Config) { c.PublishBurst = 1 },
		"--listen":                         func(c *Config) { c.Listen = "" },
		"--listen: \"8080\"":               func(c *Config) { c.Listen = "8080" },
		"\"http\"":                         func(c *Config) { c.Listen = ":http" },
		"\"99999\"":                        func(c *Config) { c.Listen = ":99999" },
		"\"a b\"":                          func(c *Config) { c.Listen = "a b:80" },
		"10.0.0.0/8":                       func(c *Config) { c.TrustedProxy = []netip.Prefix{netip.MustParsePrefix("10.1.2.3/8")} },
		"--tls-cert":                       func(c *Config) { c.TLSKey = "key.pem" },
	} {
		c := good()
		change(c)
		if err := c.Check(func(string) string { return "" }); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for _, listen := range []string{":0", "[::1]:80", "localhost:80", "0.0.0.0:65535"} {
		c := good()
		c.Listen = listen
		if err := c.Check(func(string) string { return "" }); err != nil {
			t.Error(err)
		}
	}
}

// A secret is in its variable or in the file that another variable names, without the white space that tools add. Errors do not
// repeat it.
func TestSecret(t *testing.T) {
	const value = "hg_0123456789012345678901234567890123456789"
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, tt := range map[string]struct {
		env  map[string]string
		want string // begins with "!": the error
	}{
		"none":            {nil, ""},
		"variable":        {map[string]string{"X": value}, value},
		"line break":      {map[string]string{"X": " " + value + "\r\n"}, value},
		"quotation marks": {map[string]string{"X": `"` + value + `"`}, "!quotation marks"},
		"file":            {map[string]string{"X_FILE": file(value + "\n")}, value},
		"byte order mark": {map[string]string{"X_FILE": file("\ufeff" + value + "\r\n")}, value},
		"not UTF-8":       {map[string]string{"X": "\xff" + value}, "!X: is not UTF-8"},
		"UTF-16 in file":  {map[string]string{"X_FILE": file("\xff\xfea\x00")}, "!X_FILE: is not UTF-8"},
		"quoted in file":  {map[string]string{"X_FILE": file("'" + value + "'\n")}, "!X_FILE: is in quotation marks"},
		"empty file":      {map[string]string{"X_FILE": file("\n")}, "!is empty"},
		"no file":         {map[string]string{"X_FILE": "/nonexistent/secret"}, "!X_FILE: open /nonexistent/secret"},
		"directory":       {map[string]string{"X_FILE": t.TempDir()}, "!X_FILE"},
		"large file":      {map[string]string{"X_FILE": file(strings.Repeat(value, 2000))}, "!64 KiB"},
		"both":            {map[string]string{"X": value, "X_FILE": file(value)}, "!not both"},
	} {
		got, err := Secret(func(n string) string { return tt.env[n] }, "X")
		refused, is := strings.CutPrefix(tt.want, "!")
		if is && (err == nil || !strings.Contains(err.Error(), refused) || strings.Contains(err.Error(), value)) || !is && (err != nil || got != tt.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	keys := strings.Repeat(base64.StdEncoding.EncodeToString(make([]byte, 32))+"\n", 2)
	c := good()
	env := map[string]string{EnvMasterKey + FileSuffix: file(keys), EnvBootstrapToken + FileSuffix: file(value + "\n")}
	if err := c.Check(func(n string) string { return env[n] }); err != nil || len(c.MasterKeys) != 2 || c.BootstrapToken != value {
		t.Errorf("%d keys, token %q, %v", len(c.MasterKeys), c.BootstrapToken, err)
	}
}
