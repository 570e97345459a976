package store_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
)

// Every table of the schema is declared once, and every declared one exists, on both databases, with the right owner, removal with
// events, partitions and sealed columns. The declared columns exist.
func TestTables(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		have, columns, err := s.Tables()
		must(t, err)
		want := store.Declared()
		if t.Kind == "sqlite" { // which has no partitions
			for name, shape := range want {
				shape.Daily = false
				want[name] = shape
			}
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("declarations and schema (-declared +schema):\n%s", diff)
		}
		for name, named := range store.DeclaredKeys() {
			for _, c := range named {
				if !slices.Contains(columns[name], c) {
					t.Errorf("%s has no column %s", name, c)
				}
			}
		}
		must(t, s.Exec("CREATE TABLE undeclared (tenant_id TEXT NOT NULL)"))
		if have, _, err = s.Tables(); err != nil || cmp.Equal(want, have) {
			t.Errorf("a table that is not declared is not seen, %v", err)
		}
	})
}
