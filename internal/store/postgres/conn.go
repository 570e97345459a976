package postgres

import (
	"errors"
	"maps"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// config returns the configuration of a connection. settings are PostgreSQL's, for the session.
func (p *DB) config(settings map[string]string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(p.url)
	if err != nil {
		return nil, errors.New("the URL of the database cannot be read") // pgx's error may show the password
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 5 * time.Second
	}
	// A server that vanishes silently is noticed within seconds.
	//nolint:forbidigo // the operator's own database, not a webhook
	cfg.DialFunc = (&net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}}).DialContext
	if cfg.ValidateConnect == nil { // otherwise the URL has target_session_attrs
		// After a failover an address may lead to a server that has become a standby: such a connection must not stay in the pool.
		cfg.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
	}
	cfg.Tracer = p
	maps.Copy(cfg.RuntimeParams, map[string]string{
		"application_name": "hookgraph", "timezone": "UTC", "jit": "off", "client_encoding": "UTF8", "standard_conforming_strings": "on",
		// In a stricter one, a transaction that has waited for a lock fails, or does not see what the lock's holder has written.
		"default_transaction_isolation":       "read committed",
		"statement_timeout":                   millis(pgTimeout),
		"idle_in_transaction_session_timeout": millis(idleTimeout),
	})
	maps.Copy(cfg.RuntimeParams, settings)
	return cfg, nil
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
