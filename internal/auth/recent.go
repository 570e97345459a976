package auth

import (
	"container/list"
	"sync"
	"time"
)

// recent remembers at most max values, each for a short time. Beyond that it forgets the one that was put longest ago.
type recent[K comparable, V any] struct {
	ttl time.Duration
	max int

	mu      sync.Mutex // guards what is below
	entries map[K]*list.Element
	order   list.List // of *entry[K, V], the oldest first
}

type entry[K comparable, V any] struct {
	key   K
	value V
	until time.Time
}

func newRecent[K comparable, V any](ttl time.Duration, limit int) *recent[K, V] {
	return &recent[K, V]{ttl: ttl, max: limit, entries: make(map[K]*list.Element)}
}

// get returns what is remembered of k, or what find returns, which is remembered unless it is an error. The time counts
// from before find is called, so that a value is never older than ttl.
func (r *recent[K, V]) get(k K, find func() (V, error)) (V, error) {
	now := time.Now()
	r.mu.Lock()
	v, ok := r.at(k, now)
	r.mu.Unlock()
	if ok {
		return v, nil
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
	if at := r.entries[k]; at != nil {
		e := at.Value.(*entry[K, V])
		e.value, e.until = v, now.Add(r.ttl)
		r.order.MoveToBack(at)
		return
	}
	if len(r.entries) >= r.max {
		r.remove(r.order.Front())
	}
	r.entries[k] = r.order.PushBack(&entry[K, V]{k, v, now.Add(r.ttl)})
}

// at is what is remembered of k; mu must be held.
func (r *recent[K, V]) at(k K, now time.Time) (v V, ok bool) {
	at := r.entries[k]
	if at == nil {
		return v, false
	}
	e := at.Value.(*entry[K, V])
	return e.value, now.Before(e.until)
}

// remove forgets an entry; mu must be held.
func (r *recent[K, V]) remove(at *list.Element) {
	r.order.Remove(at)
	delete(r.entries, at.Value.(*entry[K, V]).key)
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
	return r.at(k, time.Now())
}

// drop forgets k.
func (r *recent[K, V]) drop(k K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at := r.entries[k]; at != nil {
		r.remove(at)
	}
}
