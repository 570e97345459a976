package webhook

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The expected failures of the product. Each surface translates them once: graph/errors.go and web/rest.go.
var (
	// ErrNotFound is the error for what does not exist, and for what belongs to another tenant.
	ErrNotFound = errors.New("not found")
	// ErrRevoked and ErrExpired are tokens that are no longer valid. Only the token's holder can tell them from ErrNotFound.
	ErrRevoked = fmt.Errorf("the token was revoked: %w", ErrNotFound)
	ErrExpired = fmt.Errorf("the token has expired: %w", ErrNotFound)
	// ErrCursor is a cursor that this server did not issue for this list or stream, and this tenant.
	ErrCursor = errors.New("bad cursor")
	// ErrCursorLost is a cursor of a place that this database does not have, because it was restored from an earlier copy.
	ErrCursorLost = errors.New("the database was restored from a backup older than this cursor")
	// ErrRemoved is a row that another refers to, and that retention has removed after the other was read.
	ErrRemoved = errors.New("removed by retention while it was read, try again")
	// ErrBusy is a full queue: nothing was stored and the same call may succeed in a moment.
	ErrBusy = errors.New("too busy, try again")
	// ErrUnavailable is a database that cannot be reached or written: nothing was stored, try again later.
	ErrUnavailable = errors.New("database unavailable, try again")
)

// CursorExpired is a stream cursor after which retention has removed attempts.
type CursorExpired struct {
	Oldest int64 // Seq from which on every attempt is kept
}

// Error implements error.
func (e *CursorExpired) Error() string { return "cursor is older than the attempt log" }

// CursorLost is an ErrCursorLost of a stream.
type CursorLost struct {
	Oldest int64 // as in CursorExpired
}

// Error implements error.
func (e *CursorLost) Error() string { return ErrCursorLost.Error() }

// Unwrap makes it an ErrCursorLost.
func (e *CursorLost) Unwrap() error { return ErrCursorLost }

// Code says what is wrong with an input, for programs.
type Code string

// The codes of an Invalid.
const (
	CodeRequired   Code = "REQUIRED"     // absent, null or empty where a value is needed
	CodeInvalid    Code = "INVALID"      // malformed
	CodeTooLong    Code = "TOO_LONG"     // more characters or bytes than allowed
	CodeTooMany    Code = "TOO_MANY"     // more elements than allowed
	CodeOutOfRange Code = "OUT_OF_RANGE" // a number or a time outside its bounds
	CodeNotAllowed Code = "NOT_ALLOWED"  // well formed, but not allowed (an internal address, a reserved header, a scope of others)
	CodeNotFound   Code = "NOT_FOUND"    // does not exist, or belongs to another tenant
	CodeConflict   Code = "CONFLICT"     // contradicts what is stored
	CodeQuota      Code = "QUOTA"        // the tenant has reached a quota
	CodeNotStored  Code = "NOT_STORED"   // valid, but one of several events was not stored: publish it again
)

// Changed is a conflict with a change that the caller does not know of; it is also an *Invalid.
type Changed struct {
	Current *Webhook // as it is
}

// Error implements error.
func (e *Changed) Error() string { return e.Unwrap().Error() }

// Unwrap makes it an *Invalid.
func (e *Changed) Unwrap() error {
	return &Invalid{Field: "ifUpdatedAt", Code: CodeConflict, Message: "does not match: the webhook was changed since; read it again and repeat the change"}
}

// Invalid is an input that breaks a rule. It names the field as the API spells it, with dots and indexes for nested ones
// ("events.3"), and never repeats the value, which may be a secret.
type Invalid struct {
	Field   string
	Code    Code
	Message string
}

// Error implements error.
func (e *Invalid) Error() string {
	if e.Field == "" {
		return e.Message
	}
	return fmt.Sprintf("%s: %s", e.Field, e.Message)
}

// Invalidf returns an Invalid with a formatted message.
func Invalidf(field string, code Code, format string, args ...any) *Invalid {
	return &Invalid{Field: field, Code: code, Message: fmt.Sprintf(format, args...)}
}

// NotEmpty refuses a key, an ID, a type or a text to look for that is given empty: it nearly surely comes from a variable that was not set, and would mean none, or all.
// Nil means that, and is accepted.
func NotEmpty(field string, text *string) error {
	if text != nil && *text == "" {
		return Invalidf(field, CodeRequired, "must not be empty; null means none")
	}
	return nil
}

// Invalids returns every Invalid in err, joined or wrapped, in order. It is empty for other errors.
func Invalids(err error) []*Invalid {
	if err == nil {
		return nil
	}
	if e, ok := err.(*Invalid); ok { //nolint:errorlint // the walk itself unwraps
		return []*Invalid{e}
	}
	switch e := err.(type) { //nolint:errorlint // the walk itself unwraps
	case interface{ Unwrap() []error }:
		var all []*Invalid
		for _, one := range e.Unwrap() {
			all = append(all, Invalids(one)...)
		}
		return all
	case interface{ Unwrap() error }:
		return Invalids(e.Unwrap())
	}
	return nil
}

// Trail is the path of a field within JSON. It becomes text only when an error names it, so that a step costs the same however long the names before
// it are.
type Trail struct {
	up   *Trail
	name string // of a member, unless it is an element
	// element: it is an array's, at index.
	element bool
	index   int
}

// NewTrail returns the path of a field.
func NewTrail(field string) *Trail { return &Trail{name: field} }

// At returns the path of a member.
func (t *Trail) At(name string) *Trail { return &Trail{up: t, name: name} }

// Element returns the path of an element.
func (t *Trail) Element(i int) *Trail { return &Trail{up: t, element: true, index: i} }

// String returns the path with dots: "payload.template.blocks.0".
func (t *Trail) String() string {
	var parts []string
	for ; t != nil; t = t.up {
		name := t.name
		if t.element {
			name = strconv.Itoa(t.index)
		}
		parts = append(parts, name)
	}
	slices.Reverse(parts)
	return strings.Join(parts, ".")
}
