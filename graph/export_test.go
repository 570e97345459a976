package graph

// Circles returns the number of circles of streams.
func (r *Resolver) Circles() int {
	s := &r.shared.circles
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}
