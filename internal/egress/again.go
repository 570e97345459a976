package egress

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

// maxAgain is the maximum number of times that one request is sent again.
const maxAgain = 3

// unprocessed reports whether the receiver certainly did not process the request (RFC 9113, section 8.7): it refused the
// stream; or it closes the connection, as in an orderly restart, and names an earlier stream as the last one processed; or the
// connection was closed in this way before the stream was opened. net/http has no types for these errors, only texts;
// TestGoAwayUnderLoad covers them.
func unprocessed(err error) bool {
	text := err.Error()
	return strings.Contains(text, "Transport received Server's graceful shutdown GOAWAY") ||
		strings.Contains(text, "; REFUSED_STREAM") ||
		strings.Contains(text, "cannot rewind body after connection loss")
}

// again returns r with a new body, because the transport may still hold the first one.
func again(r *http.Request, body []byte) *http.Request {
	next := r.WithContext(r.Context())
	next.Body = io.NopCloser(bytes.NewReader(body))
	return next
}
