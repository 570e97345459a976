package gqlhttp

import (
	"container/list"
	"sync"
)

// cache is an LRU cache, bounded in bytes. It is safe for concurrent use.
type cache[V any] struct {
	limit int

	mu      sync.Mutex // guards the fields below
	size    int
	order   *list.List // of *entry[V], the most recently used in front
	entries map[string]*list.Element
}

type entry[V any] struct {
	key   string
	value V
	size  int
}

// entryOverhead is the approximate size of an entry in the map and the list.
const entryOverhead = 200

func newCache[V any](limit int) *cache[V] {
	return &cache[V]{limit: limit, order: list.New(), entries: make(map[string]*list.Element)}
}

func (c *cache[V]) get(key string) (v V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	elem, ok := c.entries[key]
	if !ok {
		return v, false
	}
	c.order.MoveToFront(elem)
	return elem.Value.(*entry[V]).value, true
}

// add keeps a value of size bytes. A value that would push out more than an eighth of the others is not kept.
func (c *cache[V]) add(key string, value V, size int) {
	size += len(key) + entryOverhead
	if size > c.limit/8 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.entries[key]; ok {
		return
	}
	c.entries[key] = c.order.PushFront(&entry[V]{key, value, size})
	c.size += size
	for c.size > c.limit {
		last := c.order.Back()
		old := c.order.Remove(last).(*entry[V])
		delete(c.entries, old.key)
		c.size -= old.size
	}
}
