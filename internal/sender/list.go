package sender

import "container/heap"

// link is the element of a list for a T.
type link[T any] struct {
	of         *T
	prev, next *link[T]
	list       *list[T]
}

// list is a queue of elements that take turns. It is intrusive: moving an element allocates nothing.
type list[T any] struct {
	root link[T] // root.next is the first
	n    int
}

func (l *list[T]) first() *T {
	if l.n == 0 {
		return nil
	}
	return l.root.next.of
}

// add appends k, unless it is in l already, and removes it from any other list.
func (l *list[T]) add(k *link[T]) {
	if k.list == l {
		return
	}
	k.remove()
	if l.root.next == nil {
		l.root.next, l.root.prev = &l.root, &l.root
	}
	last := l.root.prev
	k.prev, k.next, k.list = last, &l.root, l
	last.next, l.root.prev = k, k
	l.n++
}

// remove removes k from its list, if it is in one.
func (k *link[T]) remove() {
	if k.list == nil {
		return
	}
	k.prev.next, k.next.prev = k.next, k.prev
	k.list.n--
	k.prev, k.next, k.list = nil, nil, nil
}

// turn is the element of a turns for a T.
type turn[T any] struct {
	of    *T
	load  int   // requests in flight
	order int64 // breaks ties of load
	at    int   // index in turns, while in is not nil
	in    *turns[T]
}

// turns is a heap (container/heap) of elements that may send, ordered by requests in flight. If the first is refused, all are.
type turns[T any] struct{ heap []*turn[T] }

func (q *turns[T]) first() *T {
	if len(q.heap) == 0 {
		return nil
	}
	return q.heap[0].of
}

// add inserts k, or changes its load if it is in q already, and removes it from any other turns.
func (q *turns[T]) add(k *turn[T], load int, order int64) {
	if k.in == q {
		k.set(load)
		return
	}
	k.remove()
	k.load, k.order, k.in = load, order, q
	heap.Push(q, k)
}

// set changes the load of k, if it is waiting.
func (k *turn[T]) set(load int) {
	if k.in == nil || k.load == load {
		return
	}
	k.load = load
	heap.Fix(k.in, k.at)
}

// remove removes k, if it is waiting.
func (k *turn[T]) remove() {
	if k.in != nil {
		heap.Remove(k.in, k.at)
		k.in = nil
	}
}

// Len, like the methods below, implements heap.Interface.
func (q *turns[T]) Len() int { return len(q.heap) }

func (q *turns[T]) Less(i, j int) bool {
	a, b := q.heap[i], q.heap[j]
	return a.load < b.load || a.load == b.load && a.order < b.order
}

func (q *turns[T]) Swap(i, j int) {
	q.heap[i], q.heap[j] = q.heap[j], q.heap[i]
	q.heap[i].at, q.heap[j].at = i, j
}

// Push appends a *turn[T].
func (q *turns[T]) Push(k any) {
	added := k.(*turn[T])
	added.at = len(q.heap)
	q.heap = append(q.heap, added)
}

// Pop removes the last element.
func (q *turns[T]) Pop() any {
	last := len(q.heap) - 1
	k := q.heap[last]
	q.heap[last] = nil
	q.heap = q.heap[:last]
	return k
}

// alarms is a heap (container/heap) of gates by wake.
type alarms struct{ heap []*gate }

func (a *alarms) first() *gate {
	if len(a.heap) == 0 {
		return nil
	}
	return a.heap[0]
}

// set moves g to the place of its wake, or removes it if wake is zero.
func (a *alarms) set(g *gate) {
	switch {
	case g.alarm < 0 && !g.wake.IsZero():
		heap.Push(a, g)
	case g.alarm < 0:
	case g.wake.IsZero():
		heap.Remove(a, g.alarm)
	default:
		heap.Fix(a, g.alarm)
	}
}

// Len implements heap.Interface, as what follows.
func (a *alarms) Len() int { return len(a.heap) }

func (a *alarms) Less(i, j int) bool { return a.heap[i].wake.Before(a.heap[j].wake) }

func (a *alarms) Swap(i, j int) {
	a.heap[i], a.heap[j] = a.heap[j], a.heap[i]
	a.heap[i].alarm, a.heap[j].alarm = i, j
}

// Push appends a *gate.
func (a *alarms) Push(g any) {
	added := g.(*gate)
	added.alarm = len(a.heap)
	a.heap = append(a.heap, added)
}

// Pop takes the last one off.
func (a *alarms) Pop() any {
	last := len(a.heap) - 1
	g := a.heap[last]
	a.heap[last], g.alarm = nil, -1
	a.heap = a.heap[:last]
	return g
}
