package web

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookEvery is the shortest time between two checks of a certificate's files.
const lookEvery = 5 * time.Second

// Certificate is a server certificate from files, which are reloaded when they change, so that no renewal tool has to signal this
// program.
type Certificate struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex // guards what follows
	current *tls.Certificate
	looked  time.Time
	read    [2]stamp // of the files when they were last read, valid or not
}

// stamp shows whether a file has changed. It follows links.
type stamp struct {
	at   time.Time
	size int64
}

// NewCertificate reads a certificate with its chain and its key, both PEM.
func NewCertificate(cert, key string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{cert: cert, key: key, log: log, looked: time.Now()}
	var err error
	if c.read, err = c.stamps(); err != nil {
		return nil, fmt.Errorf("TLS certificate: %w", err)
	}
	if c.current, err = c.load(); err != nil {
		return nil, fmt.Errorf("TLS certificate: %w", err)
	}
	return c, nil
}

// Config returns a server's TLS configuration, for TLS 1.2 and newer.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}

// Expires returns when the certificate that is served expires. It looks at the files first, as clients may be few. c may be nil: the zero time.
func (c *Certificate) Expires() time.Time {
	if c == nil {
		return time.Time{}
	}
	return c.newest().Leaf.NotAfter
}

func (c *Certificate) load() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	return &pair, err
}

func (c *Certificate) stamps() (all [2]stamp, err error) {
	for i, name := range []string{c.cert, c.key} {
		info, err := os.Stat(name)
		if err != nil {
			return all, err
		}
		all[i] = stamp{info.ModTime(), info.Size()}
	}
	return all, nil
}

// get is a tls.Config's GetCertificate.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.newest(), nil }

// newest returns the certificate of the files. If the new files do not belong together, for example while they are being written, the old
// certificate stays in use until they change again.
func (c *Certificate) newest() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) >= lookEvery {
		c.looked = now
		c.look()
	}
	return c.current
}

func (c *Certificate) look() {
	now, err := c.stamps()
	if err == nil && now == c.read {
		return
	}
	var fresh *tls.Certificate
	if err == nil {
		c.read = now
		fresh, err = c.load()
	}
	if err != nil {
		c.log.Warn("the new TLS certificate cannot be read; still serving the old one", slog.Any("error", err))
		return
	}
	c.current = fresh
	c.log.Info("TLS certificate reloaded")
}
