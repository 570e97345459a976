package app

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// orderedPath is the receiver of a webhook that gets the events of a key one after the other.
const orderedPath = "/ordered"

// orderKeys is how many keys each publisher uses, in turn.
const orderKeys = 8

// orderKey is the ordering key of a publisher's n-th event.
func orderKey(publisher, n int) string { return fmt.Sprintf("%d-%d", publisher, n%orderKeys) }

// order is what the receiver at orderedPath knows. It judges I19: with an ordering key, a webhook gets a key's events one after the other, in the
// order in which they were acknowledged.
type order struct {
	mu      sync.Mutex // guards what follows
	running map[string]int
	last    map[string]int // by key, the highest number of an event that has arrived
	got     int
	faults  []string
}

// arrives notes a request. The caller must call done when it has answered.
func (o *order) arrives(body []byte) (done func()) {
	var event struct {
		Data struct {
			Key string
			N   int
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.running == nil {
		o.running, o.last = map[string]int{}, map[string]int{}
	}
	if err := json.Unmarshal(body, &event); err != nil || event.Data.Key == "" {
		o.faults = append(o.faults, fmt.Sprintf("cannot read %s: %v", body, err))
		return func() {}
	}
	key, n := event.Data.Key, event.Data.N
	o.got++
	if o.running[key]++; o.running[key] > 1 {
		o.faults = append(o.faults, fmt.Sprintf("event %d of key %s arrived while another one was being sent", n, key))
	}
	if last, ok := o.last[key]; ok && n < last {
		o.faults = append(o.faults, fmt.Sprintf("event %d of key %s arrived after event %d", n, key, last))
	}
	o.last[key] = max(o.last[key], n)
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.running[key]--
	}
}

// check fails the test if an event arrived out of order, or none did.
func (o *order) check(t *testing.T) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.got == 0 {
		t.Error("nothing with an ordering key has arrived")
	}
	if n := len(o.faults); n > 0 {
		t.Errorf("%d of %d requests with an ordering key are out of order: %s", n, o.got, strings.Join(o.faults[:min(n, 5)], "; "))
	}
	t.Logf("%d requests with %d ordering keys were in order", o.got, len(o.last))
}
