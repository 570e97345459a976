package payload

import (
	"strings"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// specVersion is the version of CloudEvents.
const specVersion = "1.0"

// source names who published the event: an event's id is unique in its tenant.
func source(e *webhook.Event) string { return "urn:uuid:" + e.TenantID.String() }

// structured returns the event in the JSON format of CloudEvents 1.0.
func structured(e *webhook.Event) []byte {
	b := make([]byte, 0, len(e.Data)+len(e.Type)+256)
	b = append(b, `{"specversion":"`+specVersion+`","id":"`...)
	b = e.ID.AppendText(b)
	b = append(b, `","source":"`...)
	b = append(b, source(e)...)
	b = append(b, `","type":"`...)
	b = append(b, e.Type...) // its characters need no escaping
	b = append(b, `","time":"`...)
	b = e.Timestamp.UTC().AppendFormat(b, webhook.TimeFormat)
	b = append(b, `","datacontenttype":"`+TypeJSON+`","data":`...)
	b = append(b, e.Data...)
	return append(b, '}')
}

// ceHeaders returns the attributes of the event in the HTTP binding's binary content mode, where the content type is datacontenttype.
func ceHeaders(e *webhook.Event) []webhook.Header {
	return []webhook.Header{
		{Name: "Ce-Specversion", Value: specVersion},
		{Name: "Ce-Id", Value: headerValue(e.ID.String())},
		{Name: "Ce-Source", Value: headerValue(source(e))},
		{Name: "Ce-Type", Value: headerValue(e.Type)},
		{Name: "Ce-Time", Value: headerValue(e.Timestamp.UTC().Format(webhook.TimeFormat))},
	}
}

// maxHeaderValue bounds the value of one attribute; those that are sent are far shorter.
const maxHeaderValue = 1024

// headerValue encodes an attribute's value (HTTP Protocol Binding for CloudEvents 1.0.2, section 3.1.3.2): what is not printable ASCII, and
// space, quotation marks and percent signs, are percent-encoded, so that a value can neither end its header field nor begin another.
func headerValue(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s) && b.Len() < maxHeaderValue-2; i++ {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '%' {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
