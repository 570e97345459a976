package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"time"
)

// expiresSoon is how long before its end a certificate is mentioned.
const expiresSoon = 14 * 24 * time.Hour

// process checks what a server that is started as this process was would have.
func (e *examination) process(ctx context.Context) {
	e.check(ctx, "descriptors", e.descriptors)
	if e.Getenv != nil {
		e.check(ctx, "proxy", e.proxy)
	}
	e.check(ctx, "tls-roots", e.roots)
	e.check(ctx, "certificate", e.certificate)
}

func (e *examination) descriptors(context.Context) finding {
	const remedy = "raise the limit: ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of docker"
	limit, err := e.Host.OpenFiles()
	if err != nil {
		return skipped(err.Error())
	}
	found := fmt.Sprintf("a process may open %d files here", limit)
	share, err := e.Config.Descriptors(limit)
	switch {
	case err != nil:
		return failed(found, "the server does not start", remedy)
	case share.Concurrency < e.Config.Concurrency:
		return warned(found, fmt.Sprintf("the server makes at most %d attempts at a time, not the %d of --concurrency", share.Concurrency, e.Config.Concurrency), remedy)
	}
	return fine(found)
}

// proxy finds a proxy in the environment that the operator may expect to be used.
func (e *examination) proxy(context.Context) finding {
	var set []string
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"} {
		if e.Getenv(name) != "" { // never its value, which may hold a password
			set = append(set, name)
		}
	}
	switch {
	case e.Config.Proxy != nil:
		return fine("webhooks are sent through " + e.Config.Proxy.Redacted())
	case len(set) > 0:
		return warned(strings.Join(set, ", ")+" is set, and --forward-proxy is not", "the server does not use it: it connects to receivers itself", "set --forward-proxy if receivers are reached through the proxy only; otherwise ignore this")
	}
	return fine("none is set")
}

// roots checks that certificates of receivers can be verified.
func (e *examination) roots(context.Context) finding {
	pool, err := x509.SystemCertPool()
	if err != nil || pool.Equal(x509.NewCertPool()) {
		return failed("this system has no root certificates", "attempts to https receivers fail, because no certificate is valid", "install them (Debian, Alpine: the package ca-certificates), or name their file in SSL_CERT_FILE")
	}
	return fine("present")
}

// certificate checks the server's own.
func (e *examination) certificate(context.Context) finding {
	if e.Config.TLSCert == "" {
		return skipped("--tls-cert is not set")
	}
	const remedy = "renew it; the server reloads a changed file"
	pair, err := tls.LoadX509KeyPair(e.Config.TLSCert, e.Config.TLSKey)
	if err != nil {
		return failed(err.Error(), "the server does not start", "correct --tls-cert and --tls-key")
	}
	end := pair.Leaf.NotAfter
	found := e.Config.TLSCert + " is valid until " + end.UTC().Format(time.RFC3339)
	switch now := e.Host.Now(); {
	case now.After(end):
		return failed(found, "clients refuse to connect", remedy)
	case now.Before(pair.Leaf.NotBefore):
		return failed(e.Config.TLSCert+" is not valid before "+pair.Leaf.NotBefore.UTC().Format(time.RFC3339), "clients refuse to connect", "correct the clock, or use another certificate")
	case end.Sub(now) < expiresSoon:
		return warned(found, "clients refuse to connect afterwards", remedy)
	}
	return fine(found)
}
