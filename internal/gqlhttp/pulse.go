package gqlhttp

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// pulse visits all open sockets once in each interval. They have one timer together, and no goroutine between two visits: most sockets are idle
// most of the time, and timers and stacks of their own would be most of their cost. Sockets are visited in slots, so that they are not all busy
// at one moment.
type pulse struct {
	interval time.Duration
	visit    func(*socket) // may block for a small part of interval

	mu      sync.Mutex // guards the fields below
	slots   [pulseSlots]map[*socket]struct{}
	at      int // the slot that was visited last
	sockets int
	running bool // a timer runs, or sockets are being visited
}

const (
	pulseSlots = 16
	pulseChunk = 64 // sockets that one goroutine visits in turn
)

// join adds a socket, which is visited first after about one interval. leave removes it; a visit that has begun goes on.
func (p *pulse) join(s *socket) (leave func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	slot := p.at
	if p.slots[slot] == nil {
		p.slots[slot] = map[*socket]struct{}{}
	}
	p.slots[slot][s] = struct{}{}
	p.sockets++
	if !p.running {
		p.running = true
		time.AfterFunc(p.interval/pulseSlots, p.beat)
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.sockets--
		if delete(p.slots[slot], s); len(p.slots[slot]) == 0 {
			p.slots[slot] = nil // a map keeps the memory of its largest size
		}
	}
}

// beat visits the sockets of the next slot.
func (p *pulse) beat() {
	p.mu.Lock()
	p.at = (p.at + 1) % pulseSlots
	due := slices.Collect(maps.Keys(p.slots[p.at]))
	p.mu.Unlock()
	var chunks sync.WaitGroup
	for chunk := range slices.Chunk(due, pulseChunk) {
		chunks.Go(func() {
			for _, s := range chunk {
				s.awaited(func() { p.visit(s) })
			}
		})
	}
	chunks.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running = p.sockets > 0; p.running {
		time.AfterFunc(p.interval/pulseSlots, p.beat)
	}
}
