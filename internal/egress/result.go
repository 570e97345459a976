package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// Code says why a request brought no complete answer.
type Code string

// The codes of a Result. All but OK and Canceled are codes of a failed attempt.
const (
	OK             Code = ""                  // an HTTP answer came, whatever its status
	DNS            Code = "DNS"               // the host name could not be resolved
	Connect        Code = "CONNECT"           // no TCP connection, or the forward proxy made none
	TLS            Code = "TLS"               // no TLS session, or a certificate that does not hold
	Timeout        Code = "TIMEOUT"           // the deadline passed before the answer's headers
	BlockedAddress Code = "BLOCKED_ADDRESS"   // address, port or scheme is not open; nothing was connected
	TooSlow        Code = "RESPONSE_TOO_SLOW" // headers came, the deadline passed while the body was read
	Protocol       Code = "PROTOCOL"          // the connection broke or what came is not an HTTP answer
	Canceled       Code = "CANCELED"          // the caller's context was canceled or the Client closed: no fault of the receiver
)

// Result is what one Do brought.
type Result struct {
	Code    Code
	Message string // for the tenant: "" when Code is OK; never shows an address that the tenant did not write

	StatusCode int         // 200–999; 0 when no headers came. Kept when Code is TooSlow, or Protocol in the body
	Header     http.Header // the answer's headers, at most MaxHeaderBytes on the wire; nil when none came
	Body       []byte      // at most MaxBodyBytes, as sent (never decompressed); owned by the caller
	Truncated  bool        // the body was longer than MaxBodyBytes

	Timings Timings
	Reused  bool // the request went over a connection that had carried one before
}

// Timings is how long the phases of a request took, one after the other. A phase that did not happen is 0; the one
// that was cut short by a failure counts up to it. On a reused connection the first three are 0.
type Timings struct {
	DNS       time.Duration
	Connect   time.Duration // TCP, and the proxy's CONNECT when there is one
	TLS       time.Duration
	FirstByte time.Duration // from having the connection to the answer's first byte
	Total     time.Duration // from the call of Do to the end of the body
}

// failure is an error of our own dialer, already in the tenant's words.
type failure struct {
	code    Code
	message string
}

func (f *failure) Error() string { return f.message }

const blockedMessage = "the host name resolves to an address that this service does not send to"

var (
	errBlockedAddress = &failure{BlockedAddress, blockedMessage}
	errClosed         = &failure{Canceled, "the sender is shutting down"}
)

// explain turns an error of the transport into a code and words of our own. Error texts of package net are never
// passed on: they carry resolvers' and local addresses.
func explain(ctx context.Context, err error, at stage, deadline time.Time) (Code, string) {
	switch ctxErr := ctx.Err(); {
	case errors.Is(ctxErr, context.Canceled):
		return Canceled, "the request was canceled"
	case ctxErr != nil, !time.Now().Before(deadline):
		return Timeout, "the deadline passed while " + at.String()
	}
	if own, ok := errors.AsType[*failure](err); ok {
		return own.code, own.message
	}
	return Protocol, explainProtocol(err, "before it answered")
}

// explainProtocol recognises the transport's errors; some have no type, only a text (see TestHostileReceivers).
func explainProtocol(err error, when string) string {
	text := err.Error()
	switch {
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the receiver reset the connection " + when
	case strings.Contains(text, "server response headers exceeded"),
		strings.Contains(text, "header list"):
		return "the answer's headers are larger than 32 KiB"
	case strings.Contains(text, "GOAWAY"), strings.Contains(text, "REFUSED_STREAM"):
		return "the receiver refused the request as it was closing the HTTP/2 connection"
	case strings.Contains(text, "net/http: invalid header"):
		return "the request's headers are not valid HTTP"
	case strings.Contains(text, "malformed"), strings.Contains(text, "invalid"):
		return "the receiver's answer is not valid HTTP"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		strings.Contains(text, "server closed idle connection"),
		strings.Contains(text, "connection broken"):
		return "the receiver closed the connection " + when
	}
	return "the HTTP exchange failed " + when
}

func explainDNS(err error) *failure {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return &failure{DNS, "the host name does not exist"}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &dns) && dns.IsTimeout:
		return &failure{DNS, "the lookup of the host name timed out"}
	}
	return &failure{DNS, "the host name could not be looked up"}
}

func explainConnect(err error) *failure {
	var own *failure
	var timeout net.Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, syscall.ECONNREFUSED):
		return &failure{Connect, "the receiver refused the connection"}
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return &failure{Connect, "the receiver can not be reached"}
	case errors.Is(err, syscall.ECONNRESET):
		return &failure{Connect, "the receiver reset the connection"}
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return &failure{Connect, "no connection to the receiver in time"}
	}
	return &failure{Connect, "no connection to the receiver"}
}

func explainTLS(err error) *failure {
	var (
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		record   tls.RecordHeaderError
		alert    tls.AlertError
	)
	message := "the TLS handshake failed"
	switch {
	case errors.As(err, &unknown):
		message = "the certificate is signed by an unknown authority, or its chain is incomplete"
	case errors.As(err, &hostname):
		message = "the certificate is for another host name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		message = "the certificate has expired or is not valid yet"
	case errors.As(err, &invalid):
		message = "the certificate is not valid"
	case errors.As(err, &record):
		message = "the receiver does not speak TLS on this port"
	case errors.As(err, &alert):
		message = "the receiver refused the TLS handshake: " + alert.Error()
	case strings.Contains(err.Error(), "protocol version"):
		message = "the receiver offers only TLS versions older than 1.2"
	case errors.Is(err, context.DeadlineExceeded):
		message = "the TLS handshake took too long"
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		message = "the receiver closed the connection during the TLS handshake"
	}
	return &failure{TLS, message}
}
