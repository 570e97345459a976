package storetest

import "github.com/hookgraph/hookgraph/internal/store"

// A lock is held by one of the processes that share a database: on PostgreSQL by one replica, until it unlocks. Locks with other
// names are independent. On SQLite, which has one process, a lock is always free.
func testTryLock(t *Suite) {
	s := t.Open(t, store.Options{})
	unlock, ok, err := s.TryLock(t.Context(), "a")
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	if t.Kind == "sqlite" {
		unlock()
		return
	}
	other := t.Open(t, store.Options{})
	try := func(name string, want bool) {
		t.Helper()
		unlock, ok, err := other.TryLock(t.Context(), name)
		if ok != want || err != nil {
			t.Errorf("%s: locked %v, %v", name, ok, err)
		}
		if ok {
			unlock()
		}
	}
	try("a", false)
	try("b", true)
	unlock()
	try("a", true)
}
