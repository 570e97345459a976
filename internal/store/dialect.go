package store

import (
	"context"
	"log/slog"
	"time"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"
)

// dialect is what SQLite and PostgreSQL do differently; everything else in this package is the same for both. Methods that
// take a batch run in its transaction, the others outside.
type dialect interface {
	// exists reports an error when open would make a new database.
	exists() error
	// open connects, and refuses a database that would acknowledge what it may lose. exclusive is for a server: it keeps a
	// second one off a database that only one may use.
	open(ctx context.Context, log *slog.Logger, exclusive bool) (write, read *gorm.DB, err error)
	// provider has the schema's steps.
	provider(write *gorm.DB) (*goose.Provider, error)
	// start begins work on a database whose schema is current: it sets the store's epoch and the end of the log, and, for
	// a server, joins: claims are then held in the store's name, and those of nodes that are gone are void.
	start(ctx context.Context, s *Store) error
	// close is after everything is written, and before the connections close.
	close() error

	// probe reports why the database is not well, as far as reading a little of it tells, and whether it is known from
	// elsewhere that it can be written.
	probe(ctx context.Context) (written bool, err error)
	// touch writes a row of no meaning, to see whether the database takes it.
	touch(b *batch) error
	// fault says what is wrong with the database, when that is what the error comes from; "" when it is not known to be.
	// What is lasting does not pass without an operator.
	fault(err error) (what string, lasting bool)

	// transaction runs do in a transaction that is the batch's tx, with its now set. When it returns an error nothing is
	// stored.
	transaction(b *batch, do func() error) error
	// lockTargets is before webhooks are changed by what they were: from then to the end of the transaction nobody else
	// changes any, and the batch knows them as they are.
	lockTargets(b *batch) error
	// committed is told of a batch that is in the database, and tells of its attempts.
	committed(b *batch)

	// insert writes rows, and returns the Seq of the first; the others follow it without gaps. row adds the parameters of
	// one, in the order of the table's columns, and is called once for each; day is when its event was published.
	insert(b *batch, t *table, rows int, day func(i int) time.Time, row func(p *params, i int)) (first int64, err error)
	// finish moves deliveries on, if this node still holds them and the attempt is the next, and returns, by Seq, those
	// that it did. One that was canceled while its attempt ran stays so, unless the attempt succeeded.
	finish(b *batch, outcomes []outcome) (map[int64]finished, error)
	// nodes is how many nodes share the deliveries.
	nodes() int
	// claimedBy makes the delivery this node's, and returns what its row says so with.
	claimedBy(claimed *Claimed) (node int64)
	// claim takes due deliveries of a webhook, as Claim says.
	claim(b *batch, to *Target, n, maxBytes int) ([]*Claimed, error)
	// nextDue is when the webhook's next unclaimed delivery is due.
	nextDue(b *batch, to *Target) (*time.Time, error)
	// unclaim makes claimed deliveries due again.
	unclaim(b *batch, claims []*Claimed) error

	// rows is a table of rows that are given as one parameter, an array of arrays in JSON, so that one statement takes any
	// number of them. A column's kind is PostgreSQL's.
	rows(columns []column) string
	// among is the condition that a column of whole numbers has one of the values, which are one parameter. Unlike a join with
	// rows, it always uses the column's index.
	among(column string, values []int64) (text string, arg any)
	// published is the condition, after others, that the rows' events were published in this range, where tables are
	// partitioned by that day: it spares looking in all partitions.
	published(column string, from, to time.Time) (text string, args []any)
	// skipLocked ends a query whose rows of one table are locked until the end of the transaction, and which passes over
	// those that another node has locked.
	skipLocked(of string) string

	// sameDay is the condition, after others, that rows of two tables are of one event's day, where tables are
	// partitioned by it: it spares looking in all partitions.
	sameDay(a, b string) string
	// logEnd is how far one page of the log after a Seq may search; not after it when there is nothing more.
	logEnd(ctx context.Context, after int64) (int64, error)
	// logBounds is AttemptBounds.
	logBounds(ctx context.Context) (oldest, newest int64, err error)
	// settle waits until everything that was committed is in the log.
	settle(ctx context.Context) error
	// tryLock is TryLock.
	tryLock(ctx context.Context, name string) (unlock func(), ok bool, err error)
	// prune is Prune.
	prune(ctx context.Context, before time.Time) (int, error)
}

// dialect is the options' database.
func (o *Options) dialect() dialect {
	if o.URL != "" {
		return newPostgres(o.URL)
	}
	return &sqliteDB{dir: o.Dir}
}
