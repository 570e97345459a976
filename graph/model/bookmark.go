package model

import (
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

type (
	// BookmarkConnection is a page of bookmarks.
	BookmarkConnection = Connection[webhook.Bookmark]
	// BookmarkEdge is a bookmark in a list.
	BookmarkEdge = Edge[webhook.Bookmark]
	// BookmarkFilter narrows a list of bookmarks.
	BookmarkFilter = list.BookmarkFilter
)
