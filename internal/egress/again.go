package egress

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

// maxAgain is how often one request is sent again, at most.
const maxAgain = 3

// unprocessed reports whether the receiver did nothing with the request, for certain: it refused the stream, or closes the
// connection and names a stream before it as the last one that it looked at (RFC 9113, section 8.7), as it does when it is
// restarted in order; or it was never sent, because the connection had been closed so when the stream was to be opened.
// net/http has no type for these errors, only texts; TestGoAwayUnderLoad knows them.
func unprocessed(err error) bool {
	text := err.Error()
	return strings.Contains(text, "Transport received Server's graceful shutdown GOAWAY") ||
		strings.Contains(text, "; REFUSED_STREAM") ||
		strings.Contains(text, "cannot rewind body after connection loss")
}

// again is r with a body of its own, because the transport may still hold the first one's.
func again(r *http.Request, body []byte) *http.Request {
	next := r.WithContext(r.Context())
	next.Body = io.NopCloser(bytes.NewReader(body))
	return next
}
