package payload

import (
	"strconv"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Request is a request to a webhook, apart from its method and URL.
type Request struct {
	Agent   string // the User-Agent
	ID      webhook.ID
	At      time.Time // of the attempt
	Secrets []*webhook.Secret
	Body    *Body
	// Traceparent is the header field of this name; "": none.
	Traceparent webhook.TraceParent
	Custom      webhook.HeaderBlock // the webhook's own headers, with sensitive values redacted
}

// Head is the header fields of a request as they are recorded and shown. The values share memory with Text.
type Head struct {
	Text                webhook.HeaderBlock
	ID, Time, Signature string
}

var scratch = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

// Head returns the header fields, signed, in one allocation. If no secret is active, ok is false, and they end with the timestamp.
func (r *Request) Head() (h Head, ok bool) {
	pooled := scratch.Get().(*[]byte)
	defer scratch.Put(pooled)
	b := (*pooled)[:0]
	b = append(b, "Content-Type: "...)
	b = append(b, r.Body.ContentType...)
	b = append(b, "\r\nUser-Agent: "...)
	b = append(b, r.Agent...)
	b = append(b, "\r\nWebhook-Id: "...)
	idFrom := len(b)
	b = r.ID.AppendText(b)
	idTo := len(b)
	b = append(b, "\r\nWebhook-Timestamp: "...)
	timeFrom := len(b)
	b = strconv.AppendInt(b, r.At.Unix(), 10)
	timeTo := len(b)
	b = append(b, "\r\nWebhook-Signature: "...)
	signFrom := len(b)
	b = webhook.AppendSignature(b, r.Secrets, r.ID, r.At, r.Body.Bytes)
	signTo := len(b)
	*pooled = b
	if signTo == signFrom {
		return Head{Text: webhook.HeaderBlock(b[:timeTo]) + "\r\n"}, false
	}
	b = append(b, "\r\n"...)
	for _, f := range r.Body.Headers {
		b = append(append(append(append(b, f.Name...), ": "...), f.Value...), "\r\n"...)
	}
	if r.Traceparent != "" {
		b = append(append(append(b, webhook.HeaderTraceparent+": "...), r.Traceparent...), "\r\n"...)
	}
	b = append(b, r.Custom...)
	*pooled = b
	text := string(b)
	return Head{webhook.HeaderBlock(text), text[idFrom:idTo], text[timeFrom:timeTo], text[signFrom:signTo]}, true
}
