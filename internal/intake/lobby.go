package intake

import (
	"container/list"
	"net/netip"
	"sync"
)

// Lobby bounds the connections that are not authenticated yet (guests). It always admits another: when it is full, the oldest
// guest of the source with the most guests is evicted, and a source that has its whole share loses its own oldest. A client that
// authenticates promptly has left by then. It is safe for concurrent use.
type Lobby struct {
	most, each int

	mu       sync.Mutex // guards the fields below
	waiting  int
	bySource map[netip.Addr]*list.List // of *Guest, the oldest in front; none is empty
}

// Guest is an unauthenticated connection in a Lobby.
type Guest struct {
	lobby  *Lobby
	source netip.Addr
	evict  func()
	place  *list.Element // nil after leaving; guarded by lobby.mu
}

// NewLobby returns a Lobby for at most most guests, and half as many from one source.
func NewLobby(most int) *Lobby {
	return &Lobby{most: max(most, 1), each: max(most/2, 1), bySource: map[netip.Addr]*list.List{}}
}

// Enter admits a guest, which must Leave. To make room for another, evict is called at most once, from another goroutine's Enter;
// the guest has left then.
func (l *Lobby) Enter(from netip.Addr, evict func()) *Guest {
	g := &Guest{lobby: l, source: Source(from), evict: evict}
	l.mu.Lock()
	var out *Guest
	if own := l.bySource[g.source]; own != nil && own.Len() >= l.each {
		out = own.Front().Value.(*Guest)
	} else if l.waiting >= l.most {
		out = l.largest().Front().Value.(*Guest)
	}
	if out != nil {
		l.remove(out)
	}
	if l.bySource[g.source] == nil {
		l.bySource[g.source] = list.New()
	}
	g.place = l.bySource[g.source].PushBack(g)
	l.waiting++
	l.mu.Unlock()
	if out != nil {
		out.evict()
	}
	return g
}

// largest returns the list of the source with the most guests. The caller must hold l.mu, and there must be a guest.
func (l *Lobby) largest() *list.List {
	var largest *list.List
	for _, guests := range l.bySource {
		if largest == nil || guests.Len() > largest.Len() {
			largest = guests
		}
	}
	return largest
}

// remove drops a guest. The caller must hold l.mu.
func (l *Lobby) remove(g *Guest) {
	if g.place == nil {
		return
	}
	guests := l.bySource[g.source]
	guests.Remove(g.place)
	g.place = nil
	if guests.Len() == 0 {
		delete(l.bySource, g.source)
	}
	l.waiting--
}

// Leave removes the guest. It may be called more than once.
func (g *Guest) Leave() {
	g.lobby.mu.Lock()
	defer g.lobby.mu.Unlock()
	g.lobby.remove(g)
}

// Waiting returns the number of guests.
func (l *Lobby) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waiting
}
