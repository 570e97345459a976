package sender

// link is a gate's place in a list.
type link struct {
	gate       *gate
	prev, next *link
	list       *list
}

// list holds gates in the order in which they take turns. It is linked through the gates: moving one costs no memory.
type list struct {
	root link // root.next is the first
	n    int
}

func (l *list) first() *gate {
	if l.n == 0 {
		return nil
	}
	return l.root.next.gate
}

// add puts k last, unless it is in l already. It leaves any other list.
func (l *list) add(k *link) {
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

// remove takes k out of its list, if it is in one.
func (k *link) remove() {
	if k.list == nil {
		return
	}
	k.prev.next, k.next.prev = k.next, k.prev
	k.list.n--
	k.prev, k.next, k.list = nil, nil, nil
}

// alarms is a binary heap of gates by wake.
type alarms struct{ heap []*gate }

func (a *alarms) first() *gate {
	if len(a.heap) == 0 {
		return nil
	}
	return a.heap[0]
}

// set puts g where its wake belongs, or takes it out when wake is zero.
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

// fix moves the gate at i up, or else down.
func (a *alarms) fix(i int) {
	for i > 0 && a.less(i, (i-1)/2) {
		a.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	for {
		child := 2*i + 1
		if child >= len(a.heap) {
			return
		}
		if child+1 < len(a.heap) && a.less(child+1, child) {
			child++
		}
		if !a.less(child, i) {
			return
		}
		a.swap(i, child)
		i = child
	}
}
