// Package peer is what a server under measurement speaks with, each in a process of its own: receivers of deliveries, and the bare sender,
// which does what the server does and stores nothing. Both know how an event of the benchmark looks.
package peer

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
	"time"
)

// PayloadBytes is the size of an event's data if a scenario says nothing else.
const PayloadBytes = 1 << 10

const sentKey = `"sent":`

var padding = sync.OnceValue(func() string { return strings.Repeat("hookgraph", 1<<20/9+1) })

// AppendData appends the data of an event: the time of publishing, then letters up to the given number of bytes, which is at most a mebibyte.
func AppendData(b []byte, at time.Time, size int) []byte {
	from := len(b)
	b = append(b, `{`+sentKey...)
	b = strconv.AppendInt(b, at.UnixMicro(), 10)
	b = append(b, `,"text":"`...)
	b = append(b, padding()[:size-(len(b)-from)-2]...)
	return append(b, `"}`...)
}

// EventType returns the type that the webhook with the number subscribes to, if each has its own.
func EventType(hook int) string { return "bench.w" + strconv.Itoa(hook) }

// sentAt reads from a body when its event was published, in Unix microseconds.
func sentAt(body []byte) (us int64, ok bool) {
	_, rest, ok := bytes.Cut(body[:min(len(body), 256)], []byte(sentKey))
	if !ok {
		return 0, false
	}
	for _, c := range rest {
		if c < '0' || c > '9' {
			break
		}
		us = 10*us + int64(c-'0')
	}
	return us, us > 0
}
