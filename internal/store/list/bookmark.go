package list

import "github.com/hookgraph/hookgraph/internal/webhook"

var bookmarksOfTenant = &Index{table: "bookmarks", alias: "b", index: "bookmarks_tenant", equal: []string{"tenant_id"}, at: "created_at"}

// BookmarksByID finds bookmarks by their ids.
var BookmarksByID = &Index{table: "bookmarks", alias: "b", one: true}

// BookmarkFilter narrows a list of bookmarks. Zero fields do not filter.
type BookmarkFilter struct {
	Name string // bookmarks whose name contains it
}

// Check is as that of EventFilter.
func (f *BookmarkFilter) Check() error { return contained("name", f.Name, 255) }

// Path returns how to list the tenant's bookmarks that the filter keeps.
func (f BookmarkFilter) Path(tenant webhook.ID) Path {
	p := Path{Index: bookmarksOfTenant, branches: []any{tenant}}
	if f.Name != "" {
		p.rest = asides([]condition{containing(f.Name, "b.name")})
	}
	return p
}
