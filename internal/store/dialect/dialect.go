// Package dialect has the types that the store and its databases share: the interface that a database implements, the store as a database uses
// it, the tables, and the types and statements that both use.
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

// DB has the operations that SQLite and PostgreSQL implement differently; everything else in this package is the same for both. Methods that
// take a transaction run in it, the others outside.
type DB interface {
	Statistics

	// Exists returns an error if opening would create a new database.
	Exists() error
	// Open connects, and refuses a database that could lose acknowledged commits. exclusive is for a server: it prevents a second server on
	// a database that only one may use.
	Open(ctx context.Context, log *slog.Logger, exclusive bool) (write, read *gorm.DB, err error)
	// Provider has the migrations.
	Provider(write *gorm.DB) (*goose.Provider, error)
	// Start begins work on a database whose schema is current: it sets the store's epoch and the end of the log, and, for
	// a server, joins: it can then hold claims, and those of nodes that are gone are void.
	Start(ctx context.Context, s *Session) error
	// Close must be called after everything is written, and before the connections are closed.
	Close() error

	// Probe returns what is wrong with the database, as far as reading a little of it shows, and whether it is known from elsewhere that it can
	// be written.
	Probe(ctx context.Context) (written bool, err error)
	// Touch writes a row without meaning, to test whether the database accepts it.
	Touch(b *Tx) error
	// Fault returns what is wrong with the database if the error comes from that; "" if that is not known. A lasting fault remains until an
	// operator acts.
	Fault(err error) (what string, lasting bool)
	// Damage returns what the database finds wrong with its own files, tables and indexes. It may read all of them.
	Damage(read *gorm.DB) (found []string, err error)

	// Doubts returns what is wrong with the settings of the database's server, as far as a running server of ours shows. It changes nothing.
	Doubts(ctx context.Context, read *gorm.DB) ([]Doubt, error)

	// Sizes returns how much the database takes, and what is left.
	Sizes(ctx context.Context) (Sizes, error)

	// Transaction runs do in a transaction, with b's DB and Now set. If do returns an error, nothing is stored.
	Transaction(b *Tx, do func() error) error
	// LockTargets must be called before webhooks are changed depending on their state: until the end of the transaction nobody else
	// changes any, and the store knows their current state.
	LockTargets(b *Tx) error
	// NoteEventTypes makes the other nodes read the tenant's declared event types again. LockTargets must have been called.
	NoteEventTypes(b *Tx, tenant webhook.ID) error
	// Committed must be called after a transaction was committed. It announces the recorded attempts.
	Committed(b *Tx)

	// Insert writes rows, and returns the Seq of the first; the others follow it without gaps. row adds the parameters of
	// one, in the order of the table's columns, and is called once for each; day is when its event was published.
	Insert(b *Tx, t *Table, rows int, day func(i int) time.Time, row func(p *Params, i int)) (first int64, err error)
	// Finish updates deliveries that this node still holds and whose attempt is the next, and returns these by Seq. A delivery that was
	// canceled while its attempt ran stays canceled, unless the attempt succeeded.
	Finish(b *Tx, outcomes []Outcome) (map[int64]Finished, error)
	// Nodes returns the number of nodes that share the deliveries.
	Nodes() int
	// ReadNodes returns the nodes, at most MaxNodes: first those that share the deliveries, the oldest first, then those that have ended not
	// long ago, the latest first.
	ReadNodes(ctx context.Context) ([]Node, error)
	// ClaimedBy claims the delivery for this node, and returns the value for the column claimed_by.
	ClaimedBy(claimed *Claimed) (node int64)
	// Claim implements Store.Claim.
	Claim(b *Tx, to *Target, n, maxBytes int) ([]*Claimed, error)
	// NextDue returns when the webhook's next unclaimed delivery is due.
	NextDue(b *Tx, to *Target) (*time.Time, error)
	// Unclaim makes claimed deliveries due again.
	Unclaim(b *Tx, claims []*Claimed) error

	// LockLines must be called before deliveries enter or leave lines, and before their rows are locked: until the end of the transaction
	// nobody else changes who is in the lines that lines returns. It is not called if nobody else can.
	LockLines(b *Tx, lines func() []webhook.ID) error
	// Promote puts the first delivery of each line at its head and makes it due, unless another one is there, and returns those that it has
	// made due.
	Promote(b *Tx, lines []webhook.ID) ([]Head, error)

	// Rows returns a table expression for rows that are given as one parameter, an array of arrays in JSON, so that a statement can have any
	// number of them. A column's kind is its type on PostgreSQL.
	Rows(columns []Column) string
	// Among returns the condition that a column of whole numbers has one of the values, which are one parameter. Unlike a join with rows, it
	// always uses the column's index.
	Among(column string, values []int64) (text string, arg any)
	// AmongIDs is Among for ids.
	AmongIDs(column string, ids []webhook.ID) (text string, arg any)
	// Published returns the condition, to append to others, that the rows' events were published in this range, if tables are partitioned by
	// that day: the statement then reads only these partitions.
	Published(column string, from, to time.Time) (text string, args []any)
	// LowerASCII returns an expression for the column's text with ASCII letters in lower case. Whether others are is unspecified.
	LowerASCII(column string) string
	// SkipLocked returns the end of a query that locks its rows of one table until the end of the transaction, and skips rows that another
	// node has locked.
	SkipLocked(of string) string

	// SameDay returns the condition, to append to others, that rows of two tables have the same day, if tables are partitioned by it: the
	// statement then reads only these partitions.
	SameDay(a, b string) string
	// OnDay is SameDay for a row of another table, which has the time at which the event was published.
	OnDay(a, published string) string
	// LogEnd returns the Seq up to which one page of the log after a Seq may search; the same Seq if there is nothing more.
	LogEnd(ctx context.Context, after int64) (int64, error)
	// LogBounds implements AttemptBounds.
	LogBounds(ctx context.Context, tenant webhook.ID) (oldest, newest int64, err error)
	// Settle waits until everything that was committed is in the log.
	Settle(ctx context.Context) error
	// TryLock implements Store.TryLock.
	TryLock(ctx context.Context, name string) (unlock func(), ok bool, err error)
	// Prune finds expired events in small reads, so that the writer, for which everybody waits, only removes them. It then returns space to the
	// file system.
	Prune(ctx context.Context, p Pruner, all *Expiry) error
}

// Doubt is a setting of the database's server that is wrong.
type Doubt struct {
	Text, Advice string
	Minor        bool // nothing is lost by it
}

// Sizes is how many bytes a database takes; 0: that is not known.
type Sizes struct {
	Database int64 // tables and indexes
	Log      int64 // SQLite's write-ahead log
	// Free and Disk are what is left, and all, of the file system of the data directory.
	Free, Disk int64
}

// Unfit is the error of opening a database whose settings could lose what was acknowledged, or that is too old.
type Unfit Doubt

func (u Unfit) Error() string { return u.Text + ": " + u.Advice }

// Tx is a transaction of the writer, with the changes that the database must be told about.
type Tx struct {
	DB       *gorm.DB
	Now      time.Time
	Targets  map[webhook.ID]*Target // changed in it
	Attempts []*webhook.Attempt     // added in it
	Made     []*Claimed             // deliveries added in it
	Changes  []Change               // of other rows than Targets; collected only if somebody follows them (Host.Following, Nodes)
}

// SQL returns the transaction without GORM, and without the check of tenants' statements: the writer must restrict statements to the tenant.
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

// Session is the part of an open store that its database uses.
type Session struct {
	Host

	Log         *slog.Logger
	Now         func() time.Time
	Process     Process         // of a server
	Shared      bool            // short commands: no claims, no background work
	Write, Read *gorm.DB        // as Open returned them
	Last        atomic.Int64    // Seq of the newest attempt that may be read
	Quit        context.Context // ends with the store
}

// Host is the store as a database sees it.
type Host interface {
	// Run runs f in a goroutine, for which closing the store waits.
	Run(f func())
	// Between calls f between two transactions of the writer, and waits until it returns. It ends early with the context or the writer.
	Between(ctx context.Context, f func())
	// Pass makes the writer commit an empty transaction.
	Pass(ctx context.Context) error
	// Tell passes committed attempts to watchers, in the order of the log; watched reports whether there are any.
	Tell(attempts []*webhook.Attempt)
	Watched() bool
	// Changed passes committed changes to followers that the end of their transaction does not pass on; following reports whether there are any.
	Changed(changes []Change)
	Following() bool
	// Count passes the number of nodes to the sender.
	Count(nodes int)
	// Claimed returns the number of deliveries that the sender holds.
	Claimed() int
	// LookForDue makes the sender search for all deliveries that can be claimed.
	LookForDue(ctx context.Context) error
	// TakeOver reads webhooks that another node has changed, and updates the routing table.
	TakeOver(db *gorm.DB, where string, args ...any) error
	// TakeOverEventTypes reads the declared event types of tenants that another node has changed.
	TakeOverEventTypes(db *gorm.DB, tenants []webhook.ID) error
	// LearnStarts replaces the known starts by those that read returns. Calls must not be concurrent.
	LearnStarts(read func() ([]*Start, error)) error
}

// The databases that are linked into the program, by name, and their judges of errors.
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
