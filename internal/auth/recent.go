package auth

import (
	"container/list"
	"sync"
	"time"
)

// recent is a cache of at most max values, each kept for ttl. When it is full, the oldest is dropped.
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

// get returns the value of k, or calls find and remembers its value unless it returns an error. The time counts from before the
// call of find, so that a value is never older than ttl.
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

// set remembers v. The caller must hold r.mu.
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

// at returns the value of k. The caller must hold r.mu.
func (r *recent[K, V]) at(k K, now time.Time) (v V, ok bool) {
	at := r.entries[k]
	if at == nil {
		return v, false
	}
	e := at.Value.(*entry[K, V])
	return e.value, now.Before(e.until)
}

// remove drops an entry. The caller must hold r.mu.
func (r *recent[K, V]) remove(at *list.Element) {
	r.order.Remove(at)
	delete(r.entries, at.Value.(*entry[K, V]).key)
}

// put remembers v for k.
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

// peek returns the value of k.
func (r *recent[K, V]) peek(k K) (v V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at(k, time.Now())
}

// drop removes k.
func (r *recent[K, V]) drop(k K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at := r.entries[k]; at != nil {
		r.remove(at)
	}
}
