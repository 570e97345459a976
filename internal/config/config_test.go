package config

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

func good() *Config {
	return &Config{
		Storage: Storage{Database: "./data"}, Retention: 720 * time.Hour, Timeout: 15 * time.Second,
		Concurrency: 4096, MaxPayload: 256 << 10,
	}
}

// A mistake is refused by the name of the flag or variable, and a secret's value is not repeated.
func TestCheckNamesTheMistake(t *testing.T) {
	const secret = "not-a-key-but-a-secret"
	for name, tc := range map[string]struct {
		change func(*Config)
		env    map[string]string
		want   string // "": accepted
	}{
		"defaults":            {},
		"retention for ever":  {change: func(c *Config) { c.Retention = 0 }},
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
		"mysql":               {change: func(c *Config) { c.Database = "mysql://h/d" }, want: "no database that is known"},
		"origin":              {change: func(c *Config) { c.AllowedOrigins = []string{"https://app.example.com"} }},
		"origin with path":    {change: func(c *Config) { c.AllowedOrigins = []string{"https://app.example.com/x"} }, want: "--allowed-origins"},
		"origin without host": {change: func(c *Config) { c.AllowedOrigins = []string{"app.example.com"} }, want: "--allowed-origins"},
		"master key":          {env: map[string]string{EnvMasterKey: base64.StdEncoding.EncodeToString(make([]byte, 32))}},
		"short master key":    {env: map[string]string{EnvMasterKey: secret}, want: EnvMasterKey},
		"bootstrap token":     {env: map[string]string{EnvBootstrapToken: "hg_0123456789012345678901234567890123456789"}},
		"several keys":        {env: map[string]string{EnvMasterKey: base64.StdEncoding.EncodeToString(make([]byte, 32)) + ", " + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))}},
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
	for text, want := range map[string]Bytes{"0": 0, "1024": 1024, "7B": 7, "256KiB": 256 << 10, "1 MiB": 1 << 20, "16MiB": 16 << 20} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || b != want {
			t.Errorf("%q: %d, %v", text, b, err)
		}
		var again Bytes
		if err := again.UnmarshalText([]byte(b.String())); err != nil || again != b {
			t.Errorf("%q is written %q", text, b)
		}
	}
	for _, text := range []string{"", "-1", "1KB", "1.5MiB", "KiB", "99999999999", "4096MiB", "2147483648"} {
		if err := new(Bytes).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}
