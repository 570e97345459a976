package store

import (
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// What callers share with the databases.
type (
	// Target is a webhook with all that is needed to send to it.
	Target = dialect.Target
	// Claimed is a claimed delivery with all that an attempt needs.
	Claimed = dialect.Claimed
	// Result is an attempt that ended, to be recorded.
	Result = dialect.Result
)

// ClaimedSize is Size of a claimed delivery of the event.
func ClaimedSize(e *webhook.Event) int { return dialect.ClaimedSize(e) }

// Transient reports whether an error is the database's, and one that passes.
func Transient(err error) bool { return dialect.Transient(err) }
