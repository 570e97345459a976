package live

import (
	"cmp"
	"slices"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// evict drops the oldest entries until the tail fits. The caller must hold mu.
func (l *Log) evict() {
	n := 0
	for l.bytes > l.max && n < len(l.entries) {
		l.bytes -= size(l.entries[n])
		l.floor = l.entries[n].Seq
		l.entries[n] = nil
		n++
	}
	l.entries = l.entries[n:] // append moves them to the front of a new array when this one is used up
	l.base += uint64(n)
}

// after finds the first entry with Seq > seq. The caller must hold mu.
func (l *Log) after(seq int64) int {
	i, _ := slices.BinarySearchFunc(l.entries, seq+1, func(a *webhook.Attempt, s int64) int { return cmp.Compare(a.Seq, s) })
	return i
}

func size(a *webhook.Attempt) int {
	return entryBytes + len(a.URL) + len(a.Message) + len(a.RequestHeaders) + len(a.ResponseHeaders) + cap(a.ResponseBody)
}
