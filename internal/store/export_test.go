package store

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/ordering"
	_ "github.com/hookgraph/hookgraph/internal/store/postgres" // a database that the store can open
	"github.com/hookgraph/hookgraph/internal/store/scoped"
	_ "github.com/hookgraph/hookgraph/internal/store/sqlite" // the other
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Hold keeps the writer busy until release is called or the store closes, so that what is called meanwhile is written in one batch.
// The test fails if the database refuses.
func (s *Store) Hold(tb testing.TB) (release func()) {
	tb.Helper()
	held, let, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	begin := sync.OnceFunc(func() { close(held) }) // a batch that fails is written again
	s.background.Go(func() {
		ended <- s.change(context.Background(), func(*batch) error {
			begin()
			select {
			case <-let:
			case <-s.quit.Done(): // a test that fails closes the store without release
			}
			return nil
		})
	})
	select {
	case <-held:
	case err := <-ended:
		tb.Fatalf("the writer cannot be held: %v", err)
	}
	return sync.OnceFunc(func() { close(let) })
}

// Reader reads the whole database, not restricted to a tenant.
func (s *Store) Reader() *gorm.DB { return s.read }

// Queued returns the number of results and other writes that wait for the writer.
func (s *Store) Queued() (results, others int) {
	return len(s.writer.results) + len(s.writer.large), s.writer.calls.Waiting()
}

// Forget changes all the tenant's webhooks with a statement, and then runs one that omits the tenant.
func (c *Scope) Forget(ctx context.Context) error {
	return c.change(ctx, func(b *batch) error {
		if err := b.DB.Exec("UPDATE webhooks SET description = 'forgot' WHERE tenant_id = ?", c.tenant).Error; err != nil {
			return err
		}
		return b.DB.Exec("UPDATE webhooks SET description = 'forgot'").Error
	})
}

// Steal gives a claim to another node, as after the expiry of this node's lease.
func (s *Store) Steal(ctx context.Context, delivery webhook.ID) error {
	return s.change(ctx, func(b *batch) error {
		return b.DB.Exec("UPDATE deliveries SET claimed_by = claimed_by + 1000000 WHERE id = ? AND claimed_by IS NOT NULL", delivery).Error
	})
}

// SyncNormal makes the database acknowledge commits that are not on disk, as SQLite drivers do by default.
func (s *Store) SyncNormal() error { return s.write.Exec("PRAGMA synchronous = NORMAL").Error }

// FailingSince returns since when a webhook has been failing, according to the routing table and to the database.
func (s *Store) FailingSince(ctx context.Context, id webhook.ID) (remembered, stored *time.Time, err error) {
	if to := s.routes.Get(id); to != nil {
		remembered = to.FailingSince
	}
	found, err := s.In(s.routes.Get(id).TenantID).WebhooksByID(ctx, []webhook.ID{id})
	if err != nil {
		return nil, nil, err
	}
	return remembered, found[id].FailingSince, nil
}

// Exec writes to the database without the writer, which must be idle.
func (s *Store) Exec(text string) error { return s.write.Exec(text).Error }

// LogPages returns the number of pages in SQLite's log, and how many of them are copied into the database.
func (s *Store) LogPages() (pages, copied int, err error) {
	var is struct{ Log, Checkpointed int }
	err = s.read.Raw("PRAGMA wal_checkpoint(NOOP)").Scan(&is).Error
	return is.Log, is.Checkpointed, err
}

// LockFile takes SQLite's lock for writing on the store in dir, as another program would, until release is called.
func LockFile(dir string) (release func() error, err error) {
	db, err := dialect.New("sqlite", dir)
	if err != nil {
		return nil, err
	}
	write, read, err := db.Open(context.Background(), slog.New(slog.DiscardHandler), false)
	if err != nil {
		return nil, err
	}
	if err := write.Exec("BEGIN IMMEDIATE").Error; err != nil {
		return nil, err
	}
	return func() error { return errors.Join(dialect.ClosePool(read), dialect.ClosePool(write)) }, nil
}

// RowsOf is CountRows without the tables that have no rows.
func (s *Store) RowsOf(ctx context.Context, tenant webhook.ID) (map[string]int64, error) {
	rows, err := s.CountRows(ctx, tenant)
	maps.DeleteFunc(rows, func(_ string, n int64) bool { return n == 0 })
	for t := range dialect.TablesThat(func(t *dialect.Table) bool { return t.Outlives }) {
		delete(rows, t.Name)
	}
	return rows, err
}

// Shape is the shape of a table, as declared or as in a database.
type Shape struct {
	Owner string // the column with a tenant's id; "" when there is none
	Null  bool   // whether the owner may be NULL
	Event bool   // whether a row names its event
	Daily bool   // whether PostgreSQL partitions it
	Seals bool
}

// Declared returns the declared tables.
func Declared() map[string]Shape {
	all := map[string]Shape{}
	for _, t := range dialect.Tables {
		owner := t.Owner
		if t.Whose == dialect.OfItself {
			owner = ""
		}
		all[t.Name] = Shape{Owner: owner, Null: t.Whose == dialect.OfTenantOrOperator, Event: t.Event == "event_id", Daily: t.Daily, Seals: t.Sealed}
	}
	return all
}

// DeclaredKeys are the columns that the declarations name, by table.
func DeclaredKeys() map[string][]string {
	all := map[string][]string{}
	for _, t := range dialect.Tables {
		for _, c := range append(strings.Split(t.Columns+", "+t.Fixed+", "+t.Key, ", "), t.Owner, t.Event) {
			if c != "" {
				all[t.Name] = append(all[t.Name], c)
			}
		}
	}
	return all
}

// Tables returns the tables of the database, with their columns.
func (s *Store) Tables() (shapes map[string]Shape, columns map[string][]string, err error) {
	text := `SELECT m.name AS table_name, c.name AS column_name, c."notnull" = 0 AS nullable, false AS daily
		FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'`
	if s.opts.URL != "" {
		text = `SELECT t.relname AS table_name, c.attname AS column_name, NOT c.attnotnull AS nullable, t.relkind = 'p' AS daily
			FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid
			WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind IN ('r', 'p') AND NOT t.relispartition AND c.attnum > 0`
	}
	var rows []struct {
		TableName, ColumnName string
		Nullable, Daily       bool
	}
	if err := s.read.Raw(text).Scan(&rows).Error; err != nil {
		return nil, nil, err
	}
	shapes, columns = map[string]Shape{}, map[string][]string{}
	for _, row := range rows {
		if row.TableName == "goose_db_version" {
			continue
		}
		is := shapes[row.TableName]
		is.Daily = row.Daily
		switch row.ColumnName {
		case "tenant_id":
			is.Owner, is.Null = row.ColumnName, row.Nullable
		case "event_id":
			is.Event = true
		case "sealed":
			is.Seals = true
		}
		shapes[row.TableName] = is
		columns[row.TableName] = append(columns[row.TableName], row.ColumnName)
	}
	return shapes, columns, nil
}

// Recount counts stored events again.
func (s *Store) Recount(ctx context.Context) { _ = s.countStored(ctx) }

// Count counts the rows of a table, of all tenants.
func (s *Store) Count(table string) (n int64, err error) {
	err = s.read.Table(table).Count(&n).Error
	return n, err
}

// PublishNotices publishes the waiting operational events.
func (s *Store) PublishNotices(ctx context.Context) error { return s.publishNoted(ctx) }

// Clocks is clocks.
type Clocks = clocks

// Compare is compare.
func (c *clocks) Compare(log *slog.Logger, from, to, database time.Time) {
	c.compare(log, from, to, database)
}

// AheadOf is aheadOf.
func AheadOf(from, to, database time.Time) time.Duration { return aheadOf(from, to, database) }

// WakeReplays has replays worked on now.
func (s *Store) WakeReplays() { dialect.Signal(s.replaying) }

// HoldNotices keeps operational events from being published until release is called.
func (s *Store) HoldNotices() (release func()) {
	s.noting.Lock()
	return s.noting.Unlock
}

// CountWrites records the writer's statements through GORM, and returns a function that takes the recorded ones. The writer must be
// idle.
func (s *Store) CountWrites() (taken func() []string) {
	var mu sync.Mutex
	var texts []string
	note := func(db *gorm.DB) {
		mu.Lock()
		defer mu.Unlock()
		texts = append(texts, db.Statement.SQL.String())
	}
	_ = s.write.Callback().Raw().After("gorm:raw").Register("hookgraph:test", note)
	_ = s.write.Callback().Row().After("gorm:row").Register("hookgraph:test", note)
	_ = s.write.Callback().Query().After("gorm:query").Register("hookgraph:test", note)
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		was := texts
		texts = nil
		return was
	}
}

// CountReads records readers' statements through GORM, and returns a function that takes those that search events.
func (s *Store) CountReads() (taken func() []string) {
	var mu sync.Mutex
	var texts []string
	note := func(db *gorm.DB) {
		if text := db.Statement.SQL.String(); strings.Contains(text, "FROM events WHERE day = ") || strings.Contains(text, "FROM events WHERE seq > ") {
			mu.Lock()
			defer mu.Unlock()
			texts = append(texts, text)
		}
	}
	_ = s.read.Callback().Raw().After("gorm:raw").Register("hookgraph:reads", note)
	_ = s.read.Callback().Row().After("gorm:row").Register("hookgraph:reads", note)
	_ = s.read.Callback().Query().After("gorm:query").Register("hookgraph:reads", note)
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		was := texts
		texts = nil
		return was
	}
}

// Shares of the time for writing that retention and folding take while others call: 4 is a quarter.
const (
	RetentionShare = busyShare
	FoldShare      = foldShare
)

// Pausing runs transactions of a pruner with that share that wait for their turn for the given time, and whose statements take the given time per row. It
// returns the share of time of all statements, and the time of the longest transaction's.
func Pausing(ctx context.Context, of, transactions int, turn, row time.Duration, busy bool) (share float64, longest time.Duration) {
	p := &pacer{budget: firstPiece, share: of, ended: time.Now()}
	begun, worked := time.Now(), time.Duration(0)
	for range transactions {
		rows := p.budget
		took := time.Duration(rows) * row
		time.Sleep(turn + took) // of fake time: the wait and the work that are measured
		_ = p.pause(ctx, rows, took, busy)
		worked, longest = worked+took, max(longest, took)
	}
	return float64(worked) / float64(time.Since(begun)), longest
}

// PruneAt is Retain for all tenants at the given time, whatever their turns.
func (s *Store) PruneAt(ctx context.Context, now time.Time) error {
	return s.prune(ctx, dialect.CutoffAt(now, s.opts.Retention), now, false)
}

// LargestWrite counts the rows that the writer's transactions change or delete through GORM. The functions that it returns give the maximum of
// one transaction, and the number of transactions with any. The writer must be idle.
func (s *Store) LargestWrite() (most, transactions func() int64) {
	var largest, all atomic.Int64
	var of gorm.ConnPool // the transaction that runs: there is one writer
	var rows int64
	note := func(db *gorm.DB) {
		pool := scoped.Below(db.Statement.ConnPool)
		if pool != of {
			of, rows = pool, 0
		}
		switch word, _, _ := strings.Cut(strings.TrimSpace(db.Statement.SQL.String()), " "); word { // of others SQLite tells what the one before changed
		case "UPDATE", "DELETE":
			if rows == 0 && db.RowsAffected > 0 {
				all.Add(1)
			}
			rows += db.RowsAffected
			largest.Store(max(largest.Load(), rows))
		}
	}
	_ = s.write.Callback().Raw().After("gorm:raw").Register("hookgraph:largest", note)
	_ = s.write.Callback().Row().After("gorm:row").Register("hookgraph:largest", func(db *gorm.DB) { // whose rows nobody has counted yet
		if strings.HasPrefix(db.Statement.SQL.String(), "UPDATE deliveries") {
			all.Add(1)
		}
	})
	_ = s.write.Callback().Delete().After("gorm:delete").Register("hookgraph:largest", note)
	return largest.Load, all.Load
}

// SlowWrites makes the writer take the given time for each row that a statement changes or deletes, like a slow disk, and returns a
// function that returns the longest such time of one transaction. The writer must be idle.
func (s *Store) SlowWrites(row time.Duration) (longest func() time.Duration) {
	var most atomic.Int64
	var of gorm.ConnPool // the transaction that runs: there is one writer
	var took time.Duration
	note := func(db *gorm.DB, rows int64) {
		if pool := scoped.Below(db.Statement.ConnPool); pool != of {
			of, took = pool, 0
		}
		slow := time.Duration(rows) * row
		time.Sleep(slow) // the subject: a machine on which a row takes this long
		took += slow
		most.Store(max(most.Load(), int64(took)))
	}
	changed := func(db *gorm.DB) {
		switch word, _, _ := strings.Cut(strings.TrimSpace(db.Statement.SQL.String()), " "); word { // of others SQLite tells what the one before changed
		case "UPDATE", "DELETE":
			note(db, db.RowsAffected)
		}
	}
	_ = s.write.Callback().Raw().After("gorm:raw").Register("hookgraph:slow", changed)
	_ = s.write.Callback().Delete().After("gorm:delete").Register("hookgraph:slow", changed)
	_ = s.write.Callback().Row().After("gorm:row").Register("hookgraph:slow", func(db *gorm.DB) { // what returns rows has not counted them yet
		if !strings.HasPrefix(db.Statement.SQL.String(), "UPDATE deliveries") {
			return
		}
		for _, arg := range db.Statement.Vars {
			if list, ok := arg.(string); ok && strings.ContainsAny(list, "[{") { // of rows
				note(db, int64(strings.Count(list, ",")+1))
			}
		}
	})
	return func() time.Duration { return time.Duration(most.Load()) }
}

// Multiply gives the event of a delivery that has one attempt n more such deliveries, each with its attempt, to webhooks that do not
// exist. The writer must be idle.
func (s *Store) Multiply(delivery webhook.ID, n int) error {
	id, numbers, day, seq, next := "randomblob(16)", "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)", "", "", ""
	if s.opts.URL != "" {
		id, numbers, day, seq, next = "gen_random_uuid()", "WITH n (i) AS (SELECT generate_series(1, ?))", "day, ", "seq, ", "x.seq + 1000 + i, "
	}
	of := func(alias string) string {
		if day == "" {
			return ""
		}
		return alias + ".day, "
	}
	if err := s.write.Exec("INSERT INTO deliveries ("+day+seq+`id, tenant_id, event_id, webhook_id, event_type, status, attempt_count, schedule_start, triggered_by, created_at, completed_at) `+
		numbers+" SELECT "+of("x")+next+id+", x.tenant_id, x.event_id, "+id+`, x.event_type, x.status, 1, 0, x.triggered_by, x.created_at, x.completed_at
		FROM deliveries x, n WHERE x.id = ?`, n, delivery).Error; err != nil {
		return err
	}
	if day != "" {
		next = "a.seq + 1000 + row_number() OVER (), "
	}
	const columns = `number, status, message, triggered_by, started_at, duration_us, dns_us, connect_us, tls_us, first_byte_us, url, request_headers,
		response_headers, response_truncated`
	return s.write.Exec("INSERT INTO attempts ("+day+seq+"id, tenant_id, webhook_id, delivery_id, event_id, "+columns+") SELECT "+of("a")+next+id+
		", a.tenant_id, d.webhook_id, d.id, d.event_id, a."+strings.Join(strings.Fields(columns), " a.")+
		" FROM attempts a, deliveries d WHERE a.delivery_id = ? AND d.event_id = a.event_id AND d.id <> a.delivery_id", delivery).Error
}

// InTransaction runs do in a transaction of the writer.
func (s *Store) InTransaction(ctx context.Context, do func(b *dialect.Tx) error) error {
	return s.change(ctx, func(b *batch) error { return do(&b.Tx) })
}

// FoldEvery is how often the work by the clock folds.
const FoldEvery = foldEvery

// Dialect is the database as the writer has it.
func (s *Store) Dialect() dialect.DB { return s.db }

// FoldAt folds as the work by the clock does at a time.
func (s *Store) FoldAt(ctx context.Context, now time.Time) error {
	return s.fold(ctx, func() time.Time { return now })
}

// ExpireStatistics removes the statistics that are expired at the given time.
func (s *Store) ExpireStatistics(ctx context.Context, now time.Time) error {
	return s.expireStatistics(ctx, newPruner(s), now)
}

// StatsRows counts the rows of statistics with this grain.
func (s *Store) StatsRows(tb testing.TB, grain int64) (n int64) {
	tb.Helper()
	if err := s.read.Raw("SELECT COUNT(*) FROM stats WHERE grain = ?", grain).Scan(&n).Error; err != nil {
		tb.Fatal(err)
	}
	return n
}

// SweepTenant removes the remaining rows of a deleted tenant.
func (s *Store) SweepTenant(ctx context.Context, id webhook.ID) error {
	var gone []*webhook.Tenant
	if err := s.read.WithContext(ctx).Where("id = ? AND deleted_at IS NOT NULL", id).Find(&gone).Error; err != nil || len(gone) == 0 {
		return err
	}
	return s.sweepTenant(ctx, gone[0])
}

// Matching returns the webhooks that get an event of the type.
func (s *Store) Matching(c *Scope, eventType string) []*Target {
	return s.routes.Matching(nil, c.tenant, eventType)
}

// PublishRoom returns the free and the total bytes for events that wait to be published.
func (s *Store) PublishRoom() (free, total int64) {
	return s.memory.Free()
}

// StoredEvents returns the counted number of the tenant's stored events.
func (c *Scope) StoredEvents() int64 { return c.s.quotas.Of(c.tenant).Stored() }

// BatchCost returns the maximum cost of one transaction.
const BatchCost = maxBatch

// MostDeliveriesAtOnce returns the largest number of deliveries created in one transaction, if each transaction has its own time.
func (s *Store) MostDeliveriesAtOnce() (n int, err error) {
	err = s.read.Raw("SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM deliveries GROUP BY created_at) AS made").Scan(&n).Error
	return n, err
}

// MakeDelivery inserts a delivery without the store's own code.
func (s *Store) MakeDelivery(ctx context.Context, e *webhook.Event, id webhook.ID) error {
	return s.change(ctx, func(b *batch) error {
		return b.insertDeliveries([]*Claimed{b.delivery(e, b.target(id), webhook.TriggerSchedule)})
	})
}

// FindFanOuts searches for notes that this process does not know.
func (s *Store) FindFanOuts(ctx context.Context) {
	_ = s.fans.Look(ctx)
}

// Probes returns the number of writes of probes.
func (s *Store) Probes(tb testing.TB) (n int) {
	tb.Helper()
	if err := s.read.Raw("SELECT probes FROM store").Scan(&n).Error; err != nil {
		tb.Fatal(err)
	}
	return n
}

// RootPage is the page of the file, counted from 1, that a table or index begins on. It is in the file when this returns.
func (s *Store) RootPage(name string) (page int64, err error) {
	var done struct{ Busy int }
	if err := s.write.Raw("PRAGMA wal_checkpoint(TRUNCATE)").Scan(&done).Error; err != nil {
		return 0, err
	}
	return page, s.read.Raw("SELECT rootpage FROM sqlite_schema WHERE name = ?", name).Scan(&page).Error
}

// FailDelete makes one DELETE of the writer through GORM fail: the nth after the call of the returned function, which reports whether one failed.
func (s *Store) FailDelete() (fail func(n int) (failed func() bool)) {
	var left atomic.Int64
	refused := errors.New("killed")
	_ = s.write.Callback().Raw().After("gorm:raw").Register("hookgraph:fail", func(db *gorm.DB) {
		if strings.HasPrefix(db.Statement.SQL.String(), "DELETE") && left.Add(-1) == 0 {
			_ = db.AddError(refused)
		}
	})
	return func(n int) (failed func() bool) {
		left.Store(int64(n))
		return func() bool { return left.Load() <= 0 }
	}
}

// Plans records the statements that run through GORM, and returns a function that explains them.
func (s *Store) Plans() (explained func(tb testing.TB) map[string]string) {
	var mu sync.Mutex
	seen := map[string][]any{}
	note := func(db *gorm.DB) {
		mu.Lock()
		defer mu.Unlock()
		if text := db.Statement.SQL.String(); !strings.HasPrefix(text, "EXPLAIN") {
			seen[text] = slices.Clone(db.Statement.Vars)
		}
	}
	for _, db := range []*gorm.DB{s.read, s.write} {
		_ = db.Callback().Raw().After("gorm:raw").Register("hookgraph:plans", note)
		_ = db.Callback().Row().After("gorm:row").Register("hookgraph:plans", note)
		_ = db.Callback().Query().After("gorm:query").Register("hookgraph:plans", note)
	}
	return func(tb testing.TB) map[string]string {
		tb.Helper()
		plans := map[string]string{}
		pg := s.read.Name() != "sqlite"
		mu.Lock()
		those := maps.Clone(seen)
		mu.Unlock()
		for text, args := range those {
			switch word, _, _ := strings.Cut(strings.TrimSpace(text), " "); word {
			case "SELECT", "UPDATE", "DELETE", "WITH":
			default:
				continue
			}
			plan, err := s.explain(text, args, pg)
			if err != nil {
				tb.Fatalf("explain %s: %v", text, err)
			}
			plans[text] = plan
		}
		return plans
	}
}

func (s *Store) explain(text string, args []any, pg bool) (string, error) {
	pool, err := s.write.DB()
	if err != nil {
		return "", err
	}
	tx, err := pool.Begin()
	if err != nil {
		return "", err
	}
	defer func() { _ = tx.Rollback() }()
	explain := "EXPLAIN QUERY PLAN "
	if pg {
		explain = "EXPLAIN "
		if _, err := tx.Exec("SET LOCAL enable_seqscan = off"); err != nil {
			return "", err
		}
	}
	rows, err := tx.Query(explain+text, args...)
	if err != nil {
		return "", err
	}
	defer func() { _ = rows.Close() }()
	var plan strings.Builder
	for rows.Next() {
		var a, b, c any
		var line string
		into := []any{&a, &b, &c, &line}
		if pg {
			into = []any{&line}
		}
		if err := rows.Scan(into...); err != nil {
			return "", err
		}
		plan.WriteString(line + "\n")
	}
	return plan.String(), rows.Err()
}

// Pages returns the number of pages of the SQLite database.
func (s *Store) Pages() (n int64, err error) {
	return n, s.read.Raw("PRAGMA page_count").Scan(&n).Error
}

// CancelDeliveriesOf cancels the open deliveries of a webhook, as if it had been deleted, and returns the number of canceled deliveries.
func (s *Store) CancelDeliveriesOf(ctx context.Context, w *webhook.Webhook) (n int, err error) {
	s.cancelDeleted(w)
	err = s.read.WithContext(ctx).Raw("SELECT COUNT(*) FROM deliveries WHERE webhook_id = ? AND status = 'CANCELED'", w.ID).Scan(&n).Error
	return n, err
}

// Nodes returns the number of nodes that this one knows of.
func (s *Store) NodeCount() int { return s.db.Nodes() }

// MendLines looks through all lines once, and mends them.
func (s *Store) MendLines(ctx context.Context) error {
	return s.eachLine(ctx, func(found []ordering.Found) error { return s.mend(ctx, found) })
}

// StalledLines counts the lines that do not go on.
func (s *Store) StalledLines(ctx context.Context) (n int, err error) {
	err = s.eachLine(ctx, func(found []ordering.Found) error {
		for _, f := range found {
			if !f.Goes {
				n++
			}
		}
		return nil
	})
	return n, err
}

// eachLine reads all lines, a few at a time.
func (s *Store) eachLine(ctx context.Context, use func(found []ordering.Found) error) error {
	for after := (webhook.ID{}); ; {
		found, err := ordering.Lines(s.read.WithContext(ctx), after, 3)
		if err != nil {
			return err
		}
		if err := use(found); err != nil || len(found) < 3 {
			return err
		}
		after = found[len(found)-1].Line
	}
}

// InLine counts the deliveries that are in line.
func (s *Store) InLine(ctx context.Context) (n int64, err error) {
	err = s.read.WithContext(ctx).Raw("SELECT COUNT(*) FROM deliveries WHERE place IS NOT NULL").Scan(&n).Error
	return n, err
}

// ReadAgain takes over webhooks as if another node had changed them.
func (s *Store) ReadAgain() error { return host{s}.TakeOver(s.read, "deleted_at IS NULL") }

// Matched returns how many webhooks the event matches by their filters; 0 if none of the tenant has one.
func (s *Store) Matched(e *webhook.Event) int {
	if wanted := s.routes.Wanted(e); wanted != nil {
		return len(wanted.By)
	}
	return 0
}
