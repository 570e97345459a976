package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"time"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/gqlhttp"
	"github.com/hookgraph/hookgraph/internal/testreceiver"
	"github.com/hookgraph/hookgraph/internal/web"
	"github.com/hookgraph/hookgraph/internal/web/dashboard"
	"github.com/hookgraph/hookgraph/internal/web/graphiql"
)

// listening is the HTTP server with its listener.
type listening struct {
	server   *http.Server
	listener *web.Listener
	serve    func(net.Listener) error // over TLS if there is a certificate
	scheme   string
}

// tryPorts listens on what the operator has named and stops again, so that a start that would fail there fails before it has created a database.
// The ports are not kept until the server serves: nobody should wait for a server that applies migrations.
func (s *server) tryPorts(ctx context.Context) error {
	for _, try := range []struct{ flag, address string }{{"--listen", s.cfg.Listen}, {"--metrics-listen", s.cfg.MetricsAt()}} {
		if try.address == "" {
			continue
		}
		port, err := (&net.ListenConfig{}).Listen(ctx, "tcp", try.address)
		if err == nil {
			_ = port.Close()
		} else if try.flag == "--listen" || s.cfg.MetricsListen != nil {
			return config.NotListening(try.flag, try.address, err)
		}
	}
	return nil
}

// readFiles reads the files that settings name.
func (s *server) readFiles(context.Context) (err error) {
	cfg := s.cfg
	if cfg.TLSCert != "" {
		if s.certificate, err = web.NewCertificate(cfg.TLSCert, cfg.TLSKey, s.log); err != nil {
			return err
		}
	}
	if cfg.TrustedDocuments != "" {
		if s.trusted, err = gqlhttp.ReadTrustedDocuments(cfg.TrustedDocuments); err != nil {
			return fmt.Errorf("--trusted-documents: %w", err)
		}
		maps.Copy(s.trusted, dashboard.Documents())
	}
	return nil
}

// listen opens the port and creates the HTTP server, which does not serve yet.
func (s *server) listen(ctx context.Context) error {
	cfg := s.cfg
	port, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return config.NotListening("--listen", cfg.Listen, err)
	}
	l := &listening{listener: web.NewListener(port, s.files.Incoming, cfg.TrustedProxy, s.log), scheme: "http"}
	s.http = l // from here on close closes it
	sdl := graph.SDL
	if cfg.DisableIntrospection {
		sdl = ""
	}
	l.server = &http.Server{
		Handler: web.New(web.Config{
			Store: s.store, Auth: s.auth, Charge: s.charge, GraphQL: s.api, Pages: s.pages(), Schema: sdl,
			Logger: s.log, MaxDataBytes: int(cfg.MaxPayload), AllowedOrigins: cfg.AllowedOrigins, TrustedProxies: cfg.TrustedProxy,
			Bodies: s.bodies, Calls: s.calls, Short: s.sender.Short, BasePath: cfg.BasePath, PortalURL: s.portalURL,
			Observe: s.metrics.Request, LogRequests: cfg.LogRequests,
		}),
		// No WriteTimeout, because of streams: gqlhttp sets a deadline for each of their writes, and lifts ReadTimeout.
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ConnState:         l.listener.ConnState,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // clients' broken handshakes and the like
	}
	l.serve = l.server.Serve
	if s.certificate == nil {
		return nil
	}
	l.server.TLSConfig, l.scheme = s.certificate.Config(), "https"
	l.serve = func(n net.Listener) error { return l.server.ServeTLS(n, "", "") }
	return nil
}

// pages returns the pages, and the test receiver, by the patterns to mount them at.
func (s *server) pages() map[string]http.Handler {
	all := dashboard.Handlers()
	maps.Copy(all, dashboard.Portal(s.cfg.PortalFrameAncestors))
	all["/graphiql"], all["/graphiql/"] = graphiql.Handler(), graphiql.Handler()
	if s.testReceives() {
		all[testreceiver.Path] = testreceiver.Handler()
	}
	return all
}

// testReceives reports whether the server has a receiver of its own, which its sender must be allowed to reach. It does not trust the server's own
// certificate.
func (s *server) testReceives() bool { return s.cfg.AllowPrivateTargets && s.cfg.TLSCert == "" }

// portalURL returns the URL of the customer portal as browsers reach it.
func (s *server) portalURL() string {
	origin := s.cfg.PublicURL
	if origin == "" {
		origin = s.http.url()
	}
	return origin + s.cfg.BasePath + "/portal"
}

// url returns the server's URL for clients on this machine.
func (l *listening) url() string {
	address := l.listener.Addr().String()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return l.scheme + "://" + address
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return l.scheme + "://" + net.JoinHostPort(host, port)
}
