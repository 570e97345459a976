package auth

import (
	"sync"
	"time"
)

// recent remembers at most max values, each for a short time.
type recent[K comparable, V any] struct {
	ttl time.Duration
	max int

	mu      sync.Mutex // guards entries
	entries map[K]entry[V]
}

type entry[V any] struct {
	value V
	until time.Time
}

func newRecent[K comparable, V any](ttl time.Duration, limit int) *recent[K, V] {
	return &recent[K, V]{ttl: ttl, max: limit, entries: make(map[K]entry[V])}
}

// get returns what is remembered of k, or what find returns, which is remembered unless it is an error. The time counts
// from before find is called, so that a value is never older than ttl.
func (r *recent[K, V]) get(k K, find func() (V, error)) (V, error) {
	now := time.Now()
	r.mu.Lock()
	e, ok := r.entries[k]
	r.mu.Unlock()
	if ok && now.Before(e.until) {
		return e.value, nil
	}
	v, err := find()
	if err != nil {
		return v, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.set(k, v, now)
	return v, nil
}

// set remembers v; mu must be held.
func (r *recent[K, V]) set(k K, v V, now time.Time) {
	if _, ok := r.entries[k]; !ok && len(r.entries) >= r.max {
		r.forget(now)
	}
	r.entries[k] = entry[V]{value: v, until: now.Add(r.ttl)}
}

// put remembers v from now on.
func (r *recent[K, V]) put(k K, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.set(k, v, time.Now())
}

// has reports whether k is remembered.
func (r *recent[K, V]) has(k K) bool {
	_, ok := r.peek(k)
	return ok
}

// peek returns what is remembered of k.
func (r *recent[K, V]) peek(k K) (v V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.entries[k]
	return e.value, ok && time.Now().Before(e.until)
}

// drop forgets k.
func (r *recent[K, V]) drop(k K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.entries, k)
}

// forget makes room: what is over goes, and when nothing is, everything.
func (r *recent[K, V]) forget(now time.Time) {
	for k, e := range r.entries {
		if !now.Before(e.until) {
			delete(r.entries, k)
		}
	}
	if len(r.entries) >= r.max {
		clear(r.entries)
	}
}
