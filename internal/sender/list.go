package sender

// link is the place of a T in a list.
type link[T any] struct {
	of         *T
	prev, next *link[T]
	list       *list[T]
}

// list holds elements that take turns, in order. It is intrusive: moving an element allocates nothing.
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

// turn is the place of a T in a turns.
type turn[T any] struct {
	of    *T
	load  int   // requests in flight
	order int64 // breaks ties of load
	at    int   // index in turns, while in is not nil
	in    *turns[T]
}

// turns is a binary heap of those that may send; the one with the fewest requests in flight is first. So if the first is
// refused, all are.
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
	k.load, k.order, k.at, k.in = load, order, len(q.heap), q
	q.heap = append(q.heap, k)
	q.fix(k.at)
}

// set changes the load of k, if it is waiting.
func (k *turn[T]) set(load int) {
	if k.in == nil || k.load == load {
		return
	}
	k.load = load
	k.in.fix(k.at)
}

// remove removes k, if it is waiting.
func (k *turn[T]) remove() {
	q := k.in
	if q == nil {
		return
	}
	i, last := k.at, len(q.heap)-1
	q.swap(i, last)
	q.heap[last] = nil
	q.heap = q.heap[:last]
	k.in = nil
	if i < last {
		q.fix(i)
	}
}

func (q *turns[T]) swap(i, j int) {
	q.heap[i], q.heap[j] = q.heap[j], q.heap[i]
	q.heap[i].at, q.heap[j].at = i, j
}

func (q *turns[T]) less(i, j int) bool {
	a, b := q.heap[i], q.heap[j]
	return a.load < b.load || a.load == b.load && a.order < b.order
}

func (q *turns[T]) fix(i int) { fix(i, len(q.heap), q.less, q.swap) }

// alarms is a binary heap of gates by wake.
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
	case g.wake.IsZero() && g.alarm < 0:
	case g.wake.IsZero():
		i, last := g.alarm, len(a.heap)-1
		a.swap(i, last)
		a.heap[last] = nil
		a.heap = a.heap[:last]
		g.alarm = -1
		if i < last {
			a.fix(i)
		}
	case g.alarm < 0:
		g.alarm = len(a.heap)
		a.heap = append(a.heap, g)
		a.fix(g.alarm)
	default:
		a.fix(g.alarm)
	}
}

func (a *alarms) swap(i, j int) {
	a.heap[i], a.heap[j] = a.heap[j], a.heap[i]
	a.heap[i].alarm, a.heap[j].alarm = i, j
}

func (a *alarms) less(i, j int) bool { return a.heap[i].wake.Before(a.heap[j].wake) }

func (a *alarms) fix(i int) { fix(i, len(a.heap), a.less, a.swap) }

// fix moves what is at i of a binary heap of n up, or else down.
func fix(i, n int, less func(i, j int) bool, swap func(i, j int)) {
	for i > 0 && less(i, (i-1)/2) {
		swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	for {
		child := 2*i + 1
		if child >= n {
			return
		}
		if child+1 < n && less(child+1, child) {
			child++
		}
		if !less(child, i) {
			return
		}
		swap(i, child)
		i = child
	}
}
