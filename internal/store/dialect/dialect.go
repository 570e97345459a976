// Package dialect is what the store and its databases share: the interface that a database implements, what it is given of the store, the
// tables, and the shapes and texts that both read and write.
package dialect

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/scoped"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// DB is what SQLite and PostgreSQL do differently; everything else in this package is the same for both. Methods that
// take a transaction run in it, the others outside.
type DB interface {
	Statistics

	// Exists reports an error when open would make a new database.
	Exists() error
	// Open connects, and refuses a database that would acknowledge what it may lose. exclusive is for a server: it keeps a
	// second one off a database that only one may use.
	Open(ctx context.Context, log *slog.Logger, exclusive bool) (write, read *gorm.DB, err error)
	// Provider has the schema's steps.
	Provider(write *gorm.DB) (*goose.Provider, error)
	// Start begins work on a database whose schema is current: it sets the store's epoch and the end of the log, and, for
	// a server, joins: claims are then held in the store's name, and those of nodes that are gone are void.
	Start(ctx context.Context, s *Session) error
	// Close is after everything is written, and before the connections close.
	Close() error

	// Probe reports why the database is not well, as far as reading a little of it tells, and whether it is known from
	// elsewhere that it can be written.
	Probe(ctx context.Context) (written bool, err error)
	// Touch writes a row of no meaning, to see whether the database takes it.
	Touch(b *Tx) error
	// Fault says what is wrong with the database, when that is what the error comes from; "" when it is not known to be.
	// What is lasting does not pass without an operator.
	Fault(err error) (what string, lasting bool)

	// Transaction runs do in a transaction, with b's DB and Now set. If do returns an error, nothing is stored.
	Transaction(b *Tx, do func() error) error
	// LockTargets must be called before webhooks are changed depending on their state: until the end of the transaction nobody else
	// changes any, and the store knows their current state.
	LockTargets(b *Tx) error
	// Committed must be called after a transaction was committed. It announces the recorded attempts.
	Committed(b *Tx)

	// Insert writes rows, and returns the Seq of the first; the others follow it without gaps. row adds the parameters of
	// one, in the order of the table's columns, and is called once for each; day is when its event was published.
	Insert(b *Tx, t *Table, rows int, day func(i int) time.Time, row func(p *Params, i int)) (first int64, err error)
	// Finish updates deliveries that this node still holds and whose attempt is the next, and returns these by Seq. A delivery that was
	// canceled while its attempt ran stays canceled, unless the attempt succeeded.
	Finish(b *Tx, outcomes []Outcome) (map[int64]Finished, error)
	// Nodes is how many nodes share the deliveries.
	Nodes() int
	// ClaimedBy makes the delivery this node's, and returns what its row says so with.
	ClaimedBy(claimed *Claimed) (node int64)
	// Claim takes due deliveries of a webhook, as Claim says.
	Claim(b *Tx, to *Target, n, maxBytes int) ([]*Claimed, error)
	// NextDue is when the webhook's next unclaimed delivery is due.
	NextDue(b *Tx, to *Target) (*time.Time, error)
	// Unclaim makes claimed deliveries due again.
	Unclaim(b *Tx, claims []*Claimed) error

	// Rows is a table of rows that are given as one parameter, an array of arrays in JSON, so that one statement takes any
	// number of them. A column's kind is PostgreSQL's.
	Rows(columns []Column) string
	// Among is the condition that a column of whole numbers has one of the values, which are one parameter. Unlike a join with
	// rows, it always uses the column's index.
	Among(column string, values []int64) (text string, arg any)
	// AmongIDs is Among for ids.
	AmongIDs(column string, ids []webhook.ID) (text string, arg any)
	// Published is the condition, after others, that the rows' events were published in this range, where tables are
	// partitioned by that day: it spares looking in all partitions.
	Published(column string, from, to time.Time) (text string, args []any)
	// SkipLocked ends a query whose rows of one table are locked until the end of the transaction, and which passes over
	// those that another node has locked.
	SkipLocked(of string) string

	// SameDay is the condition, after others, that rows of two tables are of one event's day, where tables are
	// partitioned by it: it spares looking in all partitions.
	SameDay(a, b string) string
	// LogEnd is how far one page of the log after a Seq may search; not after it when there is nothing more.
	LogEnd(ctx context.Context, after int64) (int64, error)
	// LogBounds is AttemptBounds.
	LogBounds(ctx context.Context, tenant webhook.ID) (oldest, newest int64, err error)
	// Settle waits until everything that was committed is in the log.
	Settle(ctx context.Context) error
	// TryLock is TryLock.
	TryLock(ctx context.Context, name string) (unlock func(), ok bool, err error)
	// Prune finds what has expired, in small reads, so that the writer, which everybody waits for, only removes; and gives the disk back.
	Prune(ctx context.Context, p Pruner, all *Expiry) error
}

// Tx is a transaction of the writer, with the changes that the database must be told about.
type Tx struct {
	DB       *gorm.DB
	Now      time.Time
	Targets  map[webhook.ID]*Target // changed in it
	Attempts []*webhook.Attempt     // added in it
	Made     []*Claimed             // deliveries added in it
	Changes  []Change               // of what else is shown, but for Targets; kept only when somebody is told (Host.Following, Nodes)
}

// SQL is the transaction below GORM, and below a tenant's name: what is said to it is for the writer to hold to its tenant.
func (b *Tx) SQL() *sql.Tx {
	pool := scoped.Below(b.DB.Statement.ConnPool)
	switch p := pool.(type) {
	case *sql.Tx:
		return p
	case *gorm.PreparedStmtTX:
		tx, _ := p.Tx.(*sql.Tx)
		return tx
	}
	return nil
}

// Session is what a database has of the store that was opened on it, from start on.
type Session struct {
	Host

	Log         *slog.Logger
	Now         func() time.Time
	Shared      bool            // short commands: no claims, no background work
	Write, Read *gorm.DB        // as open made them
	Last        atomic.Int64    // Seq of the newest attempt that may be read
	Quit        context.Context // ends with the store
}

// Host is the store as a database sees it.
type Host interface {
	// Run has f run in a goroutine until the store is closed.
	Run(f func())
	// Between has f called between two transactions of the writer, and waits for its end. It gives up with the context, or with the writer.
	Between(ctx context.Context, f func())
	// Pass has the writer make a transaction with nothing in it.
	Pass(ctx context.Context) error
	// Tell tells watchers of committed attempts, in the order of the log; watched reports whether there are any.
	Tell(attempts []*webhook.Attempt)
	Watched() bool
	// Changed tells followers of committed changes that their own transaction's end does not tell them of; following reports whether there
	// are any.
	Changed(changes []Change)
	Following() bool
	// Count tells the sender how many nodes there are.
	Count(nodes int)
	// LookForDue tells the sender of all deliveries that can be claimed.
	LookForDue(ctx context.Context) error
	// TakeOver reads webhooks that somebody else has changed, and has them known.
	TakeOver(db *gorm.DB, where string, args ...any) error
	// LearnStarts has the starts known that read returns. It is called by one at a time.
	LearnStarts(read func() ([]*Start, error)) error
}

// Databases that are linked into the program, by name, and what they know of errors.
var (
	makers = map[string]func(where string) DB{}
	judges []func(err error) (transient, known bool)
)

// Register adds a kind of database when its package is linked: open opens one, and judge reports whether an error is one of this database,
// and whether it is transient.
func Register(name string, open func(where string) DB, judge func(err error) (transient, known bool)) {
	makers[name] = open
	judges = append(judges, judge)
}

// New returns a database of a registered kind; where is a directory or a URL.
func New(name, where string) (DB, error) {
	open := makers[name]
	if open == nil {
		return nil, fmt.Errorf("this program is built without %s", name)
	}
	return open(where), nil
}
