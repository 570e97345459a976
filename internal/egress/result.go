package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// Code says why a request got no complete answer.
type Code string

// The codes of a Result. All but OK, Canceled, Shortage and Local are codes of a failed attempt.
const (
	OK             Code = ""                  // an HTTP status, of any value, and a body that did not take too long
	DNS            Code = "DNS"               // the host name could not be resolved
	Connect        Code = "CONNECT"           // no TCP connection, or the forward proxy made none
	TLS            Code = "TLS"               // no TLS session, an invalid certificate, or an alert
	Timeout        Code = "TIMEOUT"           // no headers in time, whichever phase took it
	BlockedAddress Code = "BLOCKED_ADDRESS"   // address, port or scheme is not open; nothing was connected
	TooSlow        Code = "RESPONSE_TOO_SLOW" // the deadline passed while the body was read
	Protocol       Code = "PROTOCOL"          // the connection broke, or the answer is not HTTP
	// ClientCertificate: the receiver did not accept the request's identity.
	ClientCertificate Code = "CLIENT_CERTIFICATE"
	Canceled          Code = "CANCELED" // the caller's context was canceled or the Client closed: no fault of the receiver

	// This machine failed, not the receiver, and the request must be made again later. Shortage: it lacks what every request
	// needs, such as descriptors or memory. Local: it could not make this request, but others may succeed.
	Shortage Code = "SHORTAGE"
	Local    Code = "LOCAL"
)

// Ours reports whether this machine, or its operator's name server or proxy, failed, and not the receiver.
func (c Code) Ours() bool { return c == Shortage || c == Local }

// Result is the result of a Do.
type Result struct {
	Code    Code
	Message string // for the tenant: one sentence; never shows an address that the tenant did not write. "" on success

	StatusCode int         // 200–999; 0 without headers. Also set if Code is TooSlow
	Header     http.Header // the answer's headers, at most MaxHeaderBytes on the wire; nil without headers
	Body       []byte      // at most MaxBodyBytes, as sent (never decompressed); owned by the caller
	// Truncated: the body was longer than MaxBodyBytes, or did not end; Message then says so.
	Truncated bool

	Timings Timings
	Reused  bool // the request went over a connection that had carried one before
}

// Timings are the durations of a request's phases, in order. A phase that did not happen is 0; one that failed counts up to the
// failure. On a reused connection the first three are 0.
type Timings struct {
	DNS       time.Duration
	Connect   time.Duration // TCP, and the proxy's CONNECT when there is one
	TLS       time.Duration
	FirstByte time.Duration // from having the connection to the answer's first byte
	Total     time.Duration // from the call of Do to the end of the body
}

// failure is an error of the dialer, with a message for the tenant.
type failure struct {
	code    Code
	message string
}

func (f *failure) Error() string { return f.message }

const (
	askOperator    = "; use a public address, or ask this server's operator to allow it"
	blockedMessage = "the host name resolves to an address that this server does not send to" + askOperator
	schemeMessage  = "the URL is not https, and this server sends to no other; give the webhook an https:// URL"
)

var (
	errBlockedAddress = &failure{BlockedAddress, blockedMessage}
	errClosed         = &failure{Canceled, "the sender is shutting down"}
	errRefused        = &failure{Connect, "the receiver refused the connection; check that the server runs and listens on the URL's port"}
	errReset          = &failure{Connect, "the receiver reset the connection while it was made; check the server and what is in front of it"}
)

// explain turns an error before the answer's status into a code and a message: what happened, and what the webhook's owner can
// do about it. It never passes on error texts of package net, which contain resolvers' and local addresses.
func explain(ctx context.Context, err error, a *attempt) (Code, string) {
	own, isOwn := errors.AsType[*failure](err)
	switch ctxErr := ctx.Err(); {
	case errors.Is(ctxErr, context.Canceled):
		return Canceled, "the request was canceled"
	case isOwn && own.code.Ours():
		return own.code, own.message
	case ctxErr != nil, !time.Now().Before(a.deadline):
		return late(a.stage())
	case isOwn:
		return own.code, own.message
	}
	if f := shortage(err); f != nil {
		return f.code, f.message
	}
	if a.identity != nil {
		if f := refusedIdentity(a.identity, err); f != nil {
			return f.code, f.message
		}
	}
	if f := explainSession(err); f != nil {
		return f.code, f.message
	}
	if a.conn != nil && a.conn.wantsCertificate.Load() && !a.reused && a.firstByte.Load() == 0 && (wasReset(err) || aborted(err)) {
		// With TLS 1.3 the client's side of the handshake is over before the receiver has looked at the certificate. Its
		// alert may be lost: the connection is reset when it closes with the request unread.
		if a.identity != nil {
			f := unaccepted(a.identity, "the receiver closed the connection as soon as it had it")
			return f.code, f.message
		}
		return TLS, wantsCertificate
	}
	return explainProtocol(err)
}

// late is the failure of a request that ran out of time in a stage, whichever limit ended first: the request's, the dial's, or
// the name servers' own.
func late(at stage) (Code, string) {
	switch at {
	case stageStart:
		return Local, "this server could not send the request before the deadline"
	case stageDNS:
		return Timeout, "the lookup of the host name did not end in time; check the name servers of its domain"
	case stageConnect:
		return Timeout, "the connection to the receiver was not made in time; check its address, and that its firewall lets this server in"
	case stageTLS:
		return Timeout, "the TLS handshake did not end in time; check the receiver's TLS server"
	}
	return Timeout, "the receiver did not answer in time; let it answer first and work afterwards, or raise the webhook's timeout"
}

const (
	resetMessage     = "the receiver reset the connection before it answered; check the server and what is in front of it, such as a load balancer or a firewall"
	closedMessage    = "the receiver closed the connection before it answered; check the server for a crash, and what is in front of it"
	wantsCertificate = "the receiver requires a client certificate, and the webhook has none; set one in its authentication, or accept requests without one, and verify their signature instead"
	largeHeaders     = "the headers of the receiver's answer are larger than 32 KiB; let it send fewer or shorter ones"
	tlsOnPlain       = "the receiver answered plain http with TLS; use https:// in the webhook's URL"
)

func wasReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNABORTED)
}

// aborted reports whether the transport closed the connection while a request was being written, because of what it read.
func aborted(err error) bool {
	return errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "client conn could not be established")
}

// broken reports whether err is a connection that ended.
func broken(err error) bool {
	text := err.Error()
	return wasReset(err) || aborted(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		strings.Contains(text, "server closed idle connection") || strings.Contains(text, "connection broken") ||
		strings.Contains(text, "client connection lost") || strings.Contains(text, "client connection force closed")
}

// explainProtocol recognises the transport's errors; some have no type, only a text (see TestEveryEnd).
func explainProtocol(err error) (Code, string) {
	text := err.Error()
	has := func(part string) bool { return strings.Contains(text, part) }
	switch {
	case has("CloseIdleConnections called"), has("CloseIdleConnections was called"):
		// The connection was about to become idle, and the answer still on its way.
		return Local, "this server closed the connection because it has too many"
	case wasReset(err):
		return Protocol, resetMessage
	case errors.Is(err, syscall.ETIMEDOUT), has("client connection lost"):
		return Protocol, "the connection went dead before the receiver answered; check the network between it and this server"
	case has("server response headers exceeded"), has("header list"):
		return Protocol, largeHeaders
	case has("GOAWAY"), has("REFUSED_STREAM"):
		return Protocol, "the receiver refused the request because it closed the HTTP/2 connection; nothing needs to be done if it was restarted"
	case has("stream error"):
		return Protocol, "the receiver ended the HTTP/2 stream without an answer; check the server for a crash, and what is in front of it"
	case has("net/http: invalid header"):
		return Protocol, "the request's headers are not valid HTTP; set the webhook's headers again"
	case has(`malformed HTTP response "\x15\x03`):
		return Protocol, tlsOnPlain
	case has("malformed HTTP"):
		return Protocol, "the receiver's answer does not begin with an HTTP status line; check that the URL's port is an HTTP server's"
	case has("malformed"), has("invalid"), has("unsupported transfer encoding"), has("message cannot contain"), has("Content-Length"), has("too many 1xx"):
		return Protocol, "the receiver's answer is not valid HTTP; check the headers that it sends"
	case has("connection error"), has("protocol error"), has("frame"):
		return Protocol, "the receiver broke the rules of HTTP/2; check the server, or let it offer HTTP/1.1 alone"
	case broken(err):
		return Protocol, closedMessage
	}
	return Protocol, "the exchange failed before the receiver answered; check the server and what is in front of it"
}

// explainBody explains an error after a complete status. A body that is too slow fails the attempt, because the deadline covers
// the whole answer. If the body breaks off otherwise, the status decides, and the message is a note.
func explainBody(ctx context.Context, err error, deadline time.Time) (Code, string) {
	text := err.Error()
	switch ctxErr := ctx.Err(); {
	case errors.Is(ctxErr, context.Canceled):
		return Canceled, "the request was canceled"
	case ctxErr != nil, !time.Now().Before(deadline):
		return TooSlow, "the answer began but did not end in time; let the receiver send a short body at once, or raise the webhook's timeout"
	case wasReset(err), strings.Contains(text, "stream error"):
		return OK, "the receiver reset the connection within the answer's body"
	case strings.Contains(text, "malformed"), strings.Contains(text, "invalid"), strings.Contains(text, "chunk"):
		return OK, "the answer's body is not valid HTTP from some byte on"
	}
	return OK, "the receiver closed the connection within the answer's body"
}

func explainDNS(ctx context.Context, err error) *failure {
	if f := shortage(err); f != nil {
		return f
	}
	var dns *net.DNSError
	switch {
	case ctx.Err() != nil, errors.As(err, &dns) && dns.IsTimeout:
		code, message := late(stageDNS)
		return &failure{code, message}
	case errors.As(err, &dns) && dns.IsNotFound:
		if f := spare(); f != nil {
			return f
		}
		return &failure{DNS, "the host name does not exist or has no address; check its spelling and its DNS records"}
	}
	return &failure{DNS, "the name servers of the host name answer with an error; check its domain's DNS"}
}

// explainConnect explains why no connection to target was made.
func explainConnect(ctx context.Context, target netip.Addr, err error) *failure {
	if own, ok := errors.AsType[*failure](err); ok {
		return own
	}
	is := func(errno syscall.Errno) bool { return errors.Is(err, errno) }
	switch {
	case is(syscall.ENETUNREACH), is(syscall.EHOSTUNREACH), is(syscall.EADDRNOTAVAIL), is(syscall.EAFNOSUPPORT), is(syscall.ENETDOWN):
		if f := unreachable(target, err); f != nil {
			return f
		}
	case is(syscall.EPERM), is(syscall.EACCES):
		return &failure{BlockedAddress, "a firewall of this server does not let connections out to the receiver's address; ask its operator"}
	case is(syscall.ECONNREFUSED):
		return errRefused
	case is(syscall.ECONNRESET), is(syscall.ECONNABORTED), is(syscall.EPIPE):
		return errReset
	}
	if f := shortage(err); f != nil {
		return f
	}
	var timeout net.Error
	if ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout() {
		code, message := late(stageConnect)
		return &failure{code, message}
	}
	return &failure{Connect, "no connection to the receiver could be made; check its address and port"}
}

// explainTLS explains a failed handshake; identity is the one that was offered, or nil.
func explainTLS(ctx context.Context, err error, c *conn, identity *Identity, rootless bool) *failure {
	var (
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		roots    x509.SystemRootsError
		record   tls.RecordHeaderError
		timeout  net.Error
	)
	failed := func(message string) *failure { return &failure{TLS, message} }
	if f := shortage(err); f != nil {
		return f
	}
	switch {
	case ctx.Err() != nil, errors.As(err, &timeout) && timeout.Timeout():
		code, message := late(stageTLS)
		return &failure{code, message}
	case errors.As(err, &roots), errors.As(err, &unknown) && rootless:
		return &failure{Local, "this server knows no certificate authority; its operator must install them"}
	case errors.As(err, &unknown):
		return failed("the certificate is signed by an unknown authority, or its chain is incomplete; use one of a public authority, and send the intermediate certificates")
	case errors.As(err, &hostname):
		return failed("the certificate is for another host name; use one for the name in the webhook's URL")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && time.Now().Before(invalid.Cert.NotBefore):
		return failed("the certificate is not valid yet; check its dates and the clock that it was made by")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return failed("the certificate has expired; renew it")
	case errors.As(err, &invalid):
		return failed("the certificate is not valid for a server; use one of a public authority")
	case errors.As(err, &record):
		return failed("the receiver does not speak TLS on this port; check the URL's port")
	}
	if identity != nil {
		if f := refusedIdentity(identity, err); f != nil {
			return f
		}
		if c.wantsCertificate.Load() && broken(err) {
			return unaccepted(identity, "the receiver closed the connection as soon as it had it")
		}
	}
	if identity == nil && c.wantsCertificate.Load() && (broken(err) || explainSession(err) != nil) {
		return failed(wantsCertificate)
	}
	if f := explainSession(err); f != nil {
		return f
	}
	switch text := err.Error(); {
	case strings.Contains(text, "protocol version"):
		return failed("the receiver offers only TLS versions older than 1.2; let it offer TLS 1.2 or 1.3")
	case broken(err):
		return failed("the receiver closed the connection during the TLS handshake; check its TLS settings, and that the URL's port speaks TLS")
	}
	return failed("the TLS handshake failed; check the receiver's TLS settings and certificate")
}

// explainSession explains errors that end a TLS session, during the handshake or later; nil for other errors. Outside of QUIC,
// package tls has no type for an alert, only an operation's name.
func explainSession(err error) *failure {
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "remote error" && op.Err != nil:
		return &failure{TLS, alertMessage(strings.TrimPrefix(op.Err.Error(), "tls: "))}
	case errors.As(err, &op) && op.Op == "local error":
		return &failure{TLS, "the TLS session broke on what the receiver sent; check the server and what is in front of it"}
	}
	// net/http's HTTP/2 keeps only the text.
	if _, alert, ok := strings.Cut(err.Error(), "remote error: tls: "); ok {
		return &failure{TLS, alertMessage(alert)}
	}
	return nil
}

// alertAdvice says what to do about an alert, by package tls's names (RFC 8446, section 6.2).
var alertAdvice = map[string]string{
	"handshake failure":              "let it offer a cipher suite and a curve in common use",
	"protocol version not supported": "let it offer TLS 1.2 or 1.3",
	"insufficient security level":    "let it offer a cipher suite in common use",
	"unrecognized name":              "configure its TLS server for the host name of the webhook's URL",
	"no application protocol":        "let it offer http/1.1 or h2 by ALPN, or none",
	"access denied":                  "let it accept this server",
	"internal error":                 "check the TLS server's log",
	"bad certificate":                "let it accept requests without a client certificate",
	"certificate required":           "let it accept requests without a client certificate, and verify their signature instead",
	"unknown certificate":            "let it accept requests without a client certificate",
	"unknown certificate authority":  "let it accept requests without a client certificate",
}

func alertMessage(alert string) string {
	if alert == "certificate required" {
		return wantsCertificate
	}
	advice := "check its TLS settings"
	for name, text := range alertAdvice {
		if alert == name {
			advice = text
		}
	}
	if len(alert) > 40 || strings.ContainsFunc(alert, func(r rune) bool { return (r < 'a' || r > 'z') && r != ' ' && r != '-' }) {
		alert = "of an unknown kind"
	}
	return "the receiver ended the TLS session with an alert, " + alert + "; " + advice
}
