package webhook

import (
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxResponseBytes bounds how much of a receiver's answer is read and kept.
const MaxResponseBytes = 64 << 10

// Attempt is one HTTP POST of one delivery, with everything that was sent and came back. The request's body is made of
// the event by PayloadVersion, so it is not kept twice.
type Attempt struct {
	Seq        int64 `gorm:"primaryKey;autoIncrement"` // order of commit: the cursor of the stream
	ID         ID
	TenantID   ID
	WebhookID  ID
	DeliveryID ID
	EventID    ID
	Number     int // 1 for the first
	Status     AttemptStatus
	Error      *ErrorCode // nil on success
	// Message explains Error to the webhook's owner; it never contains an internal address.
	Message   string
	Trigger   Trigger   `gorm:"column:triggered_by"`
	StartedAt time.Time `gorm:"serializer:micros"`
	// Times in µs. DNS, Connect and TLS are 0 on a reused connection; FirstByte and Duration count from the start.
	DurationUs, DNSUs, ConnectUs, TLSUs, FirstByteUs int64
	URL                                              string
	RequestHeaders                                   HeaderBlock // sensitive values are redacted
	// SignedBy has the ids of the secrets that signed the request, 16 bytes each, in the order of the signatures. It is
	// shared, and must not be changed.
	SignedBy        []byte
	ResponseStatus  *int // nil without an answer
	ResponseHeaders HeaderBlock
	ResponseBody    []byte
	// ResponseTruncated: the answer was longer than MaxResponseBytes, or was not read to its end.
	ResponseTruncated bool
	// ReplayID is the replay that caused it; nil if none did.
	ReplayID *ID
	// PayloadVersion names the webhook's payload settings that shaped the body; inside the server only. Nil: the default.
	PayloadVersion *int64
	// EventType is the event's type, joined when an attempt is read, for filters.
	EventType string `gorm:"->"`
}

// Position is Seq: where lists have it.
func (a *Attempt) Position() int64 { return a.Seq }

// Signers returns the ids of the secrets that signed the request, in the order of the signatures.
func (a *Attempt) Signers() []ID {
	ids := make([]ID, 0, 1)
	for id := range slices.Chunk(a.SignedBy, len(ID{})) {
		if len(id) == len(ID{}) {
			ids = append(ids, ID(id))
		}
	}
	return ids
}

// DurationMs returns the duration in whole milliseconds.
func (a *Attempt) DurationMs() int {
	return int((time.Duration(a.DurationUs) * time.Microsecond).Round(time.Millisecond).Milliseconds())
}

// AttemptStatus is how an attempt ended.
type AttemptStatus string

// The statuses.
const (
	AttemptSucceeded AttemptStatus = "SUCCEEDED" // any 2xx
	AttemptFailed    AttemptStatus = "FAILED"
)

// AttemptStatuses are all of them.
var AttemptStatuses = []AttemptStatus{AttemptSucceeded, AttemptFailed}

// ErrorCode says why an attempt failed.
type ErrorCode string

// The error codes.
const (
	ErrorDNS             ErrorCode = "DNS"
	ErrorConnect         ErrorCode = "CONNECT"
	ErrorTLS             ErrorCode = "TLS"
	ErrorTimeout         ErrorCode = "TIMEOUT"
	ErrorBlockedAddress  ErrorCode = "BLOCKED_ADDRESS"
	ErrorHTTPStatus      ErrorCode = "HTTP_STATUS"
	ErrorResponseTooSlow ErrorCode = "RESPONSE_TOO_SLOW"
	ErrorProtocol        ErrorCode = "PROTOCOL"
	ErrorSigning         ErrorCode = "SIGNING"
	ErrorPayload         ErrorCode = "PAYLOAD"
	// ErrorOAuthToken: no access token could be fetched, and nothing was sent. ErrorClientCertificate: the receiver refused the webhook's certificate.
	ErrorOAuthToken        ErrorCode = "OAUTH_TOKEN" //nolint:gosec // no credential
	ErrorClientCertificate ErrorCode = "CLIENT_CERTIFICATE"
)

// ErrorCodes are all of them.
var ErrorCodes = []ErrorCode{
	ErrorDNS, ErrorConnect, ErrorTLS, ErrorTimeout, ErrorBlockedAddress, ErrorHTTPStatus, ErrorResponseTooSlow, ErrorProtocol, ErrorSigning, ErrorPayload,
	ErrorOAuthToken, ErrorClientCertificate,
}

// UserAgent is the header field User-Agent of requests to webhooks, unless the program sets another one.
const UserAgent = "Hookgraph"

// HeaderBlock is header fields in HTTP/1.1's syntax, "Name: value\r\n" each: cheap to write on the hot path, and readable in
// a database shell.
type HeaderBlock string

// Header is one header field.
type Header struct {
	Name  string
	Value string
}

// NewHeaderBlock returns h as a HeaderBlock, in no particular order. A value that is not UTF-8 is read as ISO-8859-1, in which
// every byte is a character, so that none is lost (RFC 9110, section 5.5).
func NewHeaderBlock(h http.Header) HeaderBlock {
	n := 0
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v) + 4
		}
	}
	var b strings.Builder
	b.Grow(n)
	for name, values := range h {
		for _, v := range values {
			b.WriteString(name)
			b.WriteString(": ")
			if utf8.ValidString(v) {
				b.WriteString(v)
			} else {
				for _, c := range []byte(v) {
					b.WriteRune(rune(c))
				}
			}
			b.WriteString("\r\n")
		}
	}
	return HeaderBlock(b.String())
}

// Fields returns the block's header fields.
func (b HeaderBlock) Fields() []Header {
	fields := []Header{}
	for line := range strings.SplitSeq(string(b), "\r\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			fields = append(fields, Header{Name: name, Value: value})
		}
	}
	return fields
}
