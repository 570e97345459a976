package intake

import (
	"container/list"
	"net/netip"
	"sync"
)

// Lobby is where those wait who have not said who they are. Nobody is kept out of it by others: when it is full the guest goes
// that has waited longest, of the source that has the most, and a source that has its whole part loses its own oldest. Who says
// at once who it is has left by then. It is safe for concurrent use.
type Lobby struct {
	most, each int

	mu       sync.Mutex // guards the fields below
	waiting  int
	bySource map[netip.Addr]*list.List // of *Guest, who came first in front; none is empty
}

// Guest is one that waits.
type Guest struct {
	lobby  *Lobby
	source netip.Addr
	evict  func()
	place  *list.Element // nil: it has left; guarded by lobby.mu
}

// NewLobby makes a Lobby for most guests, and for half as many from one source.
func NewLobby(most int) *Lobby {
	return &Lobby{most: max(most, 1), each: max(most/2, 1), bySource: map[netip.Addr]*list.List{}}
}

// Enter lets a guest in, who must Leave. evict is called, once at most and from another goroutine's Enter, when the guest has to
// make room; then it has left.
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

// largest is the list of the source with the most guests. mu must be held, and somebody be waiting.
func (l *Lobby) largest() *list.List {
	var largest *list.List
	for _, guests := range l.bySource {
		if largest == nil || guests.Len() > largest.Len() {
			largest = guests
		}
	}
	return largest
}

// remove must be called with mu held.
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

// Leave ends the guest's waiting. It may be called again.
func (g *Guest) Leave() {
	g.lobby.mu.Lock()
	defer g.lobby.mu.Unlock()
	g.lobby.remove(g)
}

// Waiting is how many wait now.
func (l *Lobby) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waiting
}
