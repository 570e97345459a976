// Package transfer moves a store as a whole from one database to another.
package transfer

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/seal"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/postgres"
	"github.com/hookgraph/hookgraph/internal/store/sqlite"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// CopyOptions say what Copy does.
type CopyOptions struct {
	From store.Options // a SQLite database that no server uses
	To   store.Options // a PostgreSQL database; its MasterKeys must have those that the source is sealed with
	// DryRun only counts the source's rows, and looks whether they could be copied.
	DryRun   bool
	Progress func(table string, done, of int64) // may be nil
}

// CopiedTable is what was copied of a table.
type CopiedTable struct {
	Name string
	Rows int64
	Sum  string // SHA-256 of all values of all rows, in order: the same was read from both; "" in a dry run
}

// ErrTargetInUse is a target that has rows which did not come from this source.
var ErrTargetInUse = errors.New("the target is in use: copy into a new database")

// copyRows is how many rows one transaction copies.
const copyRows = 1000

// Copy moves a SQLite database to PostgreSQL: every row, under the same ids. It may be interrupted and called again, and goes
// on; until it has ended no server starts on the target. It returns what it has copied and read back.
func Copy(ctx context.Context, o CopyOptions) (_ []CopiedTable, err error) {
	if o.From.URL != "" || o.To.URL == "" {
		return nil, errors.New("a copy is from a SQLite directory to a PostgreSQL URL")
	}
	if err := sqlite.New(o.From.Dir).Exists(); err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	src, err := store.Open(ctx, o.From)
	if err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	c := &copier{CopyOptions: o, src: src}
	if err := c.checkKey(); err != nil {
		return nil, err
	}
	o.To.Shared = true
	to := postgres.New(o.To.URL, postgres.Settings{})
	if c.dst, err = store.OpenOn(ctx, o.To, to); err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	defer func() { err = errors.Join(err, c.dst.Close()) }()
	c.to = to
	if err := c.begin(ctx); err != nil {
		return nil, err
	}
	var done []CopiedTable
	for t := range dialect.TablesThat((*dialect.Table).Owned) {
		is := CopiedTable{Name: t.Name}
		if is.Rows, is.Sum, err = c.table(ctx, t); err != nil {
			return done, fmt.Errorf("copy %s: %w", t.Name, err)
		}
		done = append(done, is)
	}
	if o.DryRun {
		return done, nil
	}
	return done, c.end(ctx)
}

type copier struct {
	CopyOptions
	src, dst *store.Store
	to       *postgres.DB
	epoch    string // the source's
	keyID    string
	pruned   int64
}

// checkKey refuses when the target's servers could not open what is sealed.
func (c *copier) checkKey() error {
	var is struct {
		Epoch, KeyID  string
		PrunedAttempt int64
	}
	if err := c.src.Reader().Raw("SELECT epoch, key_id, pruned_attempt FROM store").Scan(&is).Error; err != nil {
		return fmt.Errorf("source: %w", err)
	}
	c.epoch, c.keyID, c.pruned = is.Epoch, is.KeyID, is.PrunedAttempt
	keys, err := seal.OpenRing("", c.To.MasterKeys, false)
	if err != nil {
		return err
	}
	from := []string{"store"}
	for t := range dialect.TablesThat((*dialect.Table).IsSealed) {
		from = append(from, t.Name)
	}
	for _, name := range from {
		var ids []string
		if err := c.src.Reader().Raw("SELECT DISTINCT key_id FROM " + name).Scan(&ids).Error; err != nil {
			return fmt.Errorf("source: %w", err)
		}
		for _, id := range ids {
			if _, err := keys.Key(id); err != nil {
				return fmt.Errorf("the master key must come along: %w", err)
			}
		}
	}
	return nil
}

// begin marks the target as this copy's, or finds that it is.
func (c *copier) begin(ctx context.Context) error {
	var there bool
	if err := c.to.Side().QueryRowContext(ctx, "SELECT to_regclass('copying') IS NOT NULL").Scan(&there); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	if there {
		var epoch string
		if err := c.to.Side().QueryRowContext(ctx, "SELECT epoch FROM copying").Scan(&epoch); err != nil {
			return fmt.Errorf("target: %w", err)
		}
		if epoch != c.epoch {
			return fmt.Errorf("a copy of another database has begun: %w", ErrTargetInUse)
		}
		return nil
	}
	var used bool
	var text strings.Builder
	text.WriteString("SELECT EXISTS (SELECT 1 FROM nodes)")
	for t := range dialect.TablesThat((*dialect.Table).Owned) {
		text.WriteString(" OR EXISTS (SELECT 1 FROM " + t.Name + ")")
	}
	if err := c.to.Side().QueryRowContext(ctx, text.String()).Scan(&used); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	if used {
		return ErrTargetInUse
	}
	if c.DryRun {
		return nil
	}
	if _, err := c.to.Side().ExecContext(ctx, "CREATE TABLE copying AS SELECT $1::text AS epoch", c.epoch); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	return nil
}

// end gives the target what belongs to the database as a whole, and opens it to servers. It has the source's starts and its key
// of cursors, so that cursors stay good. Its next start is one of its own, with numbers above those that were copied: a source
// that goes on beside it goes another way.
func (c *copier) end(ctx context.Context) error {
	tx, err := c.to.Side().BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	for t := range dialect.TablesThat((*dialect.Table).Owned) {
		if !t.Numbered() {
			continue
		}
		if _, err := tx.ExecContext(ctx, fmt.Sprintf("SELECT setval(pg_get_serial_sequence('%[1]s', 'seq'), (SELECT COALESCE(MAX(seq), 0) + 1 FROM %[1]s))", t.Name)); err != nil {
			return fmt.Errorf("target: %w", err)
		}
	}
	if err := c.copyKeys(ctx, tx); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	if err := c.copyStarts(ctx, tx); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	if _, err := tx.ExecContext(ctx, "UPDATE store SET key_id = $1, pruned_attempt = $2, identity = 'copied'", c.keyID, c.pruned); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	if _, err := tx.ExecContext(ctx, "DROP TABLE copying"); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	_, err = c.to.Side().ExecContext(ctx, "ANALYZE")
	return err
}

func (c *copier) copyKeys(ctx context.Context, tx *sql.Tx) error {
	var rows []struct {
		Name, KeyID string
		Sealed      []byte
	}
	if err := c.src.Reader().WithContext(ctx).Table("keys").Find(&rows).Error; err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM keys"); err != nil {
		return err
	}
	for _, k := range rows {
		if _, err := tx.ExecContext(ctx, "INSERT INTO keys (name, key_id, sealed) VALUES ($1, $2, $3)", k.Name, k.KeyID, k.Sealed); err != nil {
			return err
		}
	}
	return nil
}

func (c *copier) copyStarts(ctx context.Context, tx *sql.Tx) error {
	var list []*dialect.Start
	if err := c.src.Reader().WithContext(ctx).Order("seq").Find(&list).Error; err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM starts"); err != nil {
		return err
	}
	for _, s := range list {
		//nolint:gosec // the columns are a constant
		if _, err := tx.ExecContext(ctx, "INSERT INTO starts (id, started_at, "+dialect.StartColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
			s.ID, s.StartedAt, s.Tenants, s.Tokens, s.Webhooks, s.Events, s.Deliveries, s.Attempts); err != nil {
			return err
		}
	}
	return nil
}

func (c *copier) columns(ctx context.Context, table string) ([]dialect.Column, error) {
	var names []string
	if err := c.src.Reader().Raw("SELECT name FROM pragma_table_info(?)", table).Scan(&names).Error; err != nil {
		return nil, err
	}
	list := make([]dialect.Column, len(names))
	for i, name := range names {
		list[i].Name = name
		if err := c.to.Side().QueryRowContext(ctx, "SELECT data_type FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1 AND column_name = $2",
			table, name).Scan(&list[i].Kind); err != nil {
			return nil, fmt.Errorf("column %s: %w", name, err)
		}
	}
	return list, nil
}

// Table copies what is missing, and then reads both.
func (c *copier) table(ctx context.Context, t *dialect.Table) (rows int64, sum string, err error) {
	columns, err := c.columns(ctx, t.Name)
	if err != nil {
		return 0, "", err
	}
	source, err := c.src.Reader().DB()
	if err != nil {
		return 0, "", err
	}
	if err := source.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+t.Name).Scan(&rows); err != nil || c.DryRun {
		return rows, "", err
	}
	from := &pages{db: source, table: t, columns: columns, lite: true}
	to := &pages{db: c.to.Side(), table: t, columns: columns}
	var done int64
	if err := c.to.Side().QueryRowContext(ctx, "SELECT COUNT(*) FROM "+t.Name).Scan(&done); err != nil {
		return 0, "", err
	}
	if done > 0 { // rows go over in order, so what is there is the beginning
		if from.after, err = to.last(ctx); err != nil {
			return 0, "", err
		}
	}
	for {
		page, err := from.next(ctx)
		if err != nil {
			return 0, "", err
		}
		if len(page) == 0 {
			break
		}
		if err := c.write(ctx, t, columns, page); err != nil {
			return 0, "", err
		}
		if done += int64(len(page)); c.Progress != nil {
			c.Progress(t.Name, done, rows)
		}
	}
	return c.verify(ctx, from, to)
}

// verify reads the whole of both.
func (c *copier) verify(ctx context.Context, from, to *pages) (rows int64, sum string, err error) {
	sums := [2]hash.Hash{sha256.New(), sha256.New()}
	counts := [2]int64{}
	for i, p := range []*pages{from, to} {
		p.after = nil
		for {
			page, err := p.next(ctx)
			if err != nil {
				return 0, "", err
			}
			if len(page) == 0 {
				break
			}
			counts[i] += int64(len(page))
			for _, row := range page {
				for _, v := range row.values {
					addTo(sums[i], v)
				}
			}
		}
	}
	if a, b := hex.EncodeToString(sums[0].Sum(nil)), hex.EncodeToString(sums[1].Sum(nil)); counts[0] != counts[1] || a != b {
		return 0, "", fmt.Errorf("the target does not have what the source has: %d rows of %d, sums %.8s and %.8s", counts[1], counts[0], b, a)
	}
	return counts[0], hex.EncodeToString(sums[0].Sum(nil)), nil
}

// write inserts rows in one transaction.
func (c *copier) write(ctx context.Context, t *dialect.Table, columns []dialect.Column, page []copiedRow) error {
	names, arrays := make([]string, 0, len(columns)+1), make([]string, 0, len(columns)+1)
	args := make([]any, 0, len(columns)+1)
	for i, col := range columns {
		names = append(names, col.Name)
		arrays = append(arrays, "$"+strconv.Itoa(i+1)+"::"+col.Kind+"[]")
		values := make([]any, len(page))
		for r, row := range page {
			values[r] = row.values[i]
		}
		args = append(args, values)
	}
	if t.Daily {
		days := make([]time.Time, len(page))
		for r, row := range page {
			d := dialect.DayOf(row.event)
			if err := c.to.MakeDay(ctx, d); err != nil {
				return err
			}
			days[r] = d.Start()
		}
		names, arrays, args = append(names, "day"), append(arrays, "$"+strconv.Itoa(len(args)+1)+"::date[]"), append(args, days)
	}
	_, err := c.to.Side().ExecContext(ctx, "INSERT INTO "+t.Name+" ("+strings.Join(names, ", ")+") SELECT * FROM unnest("+strings.Join(arrays, ", ")+")", args...)
	return err
}

// copiedRow is a row's values: nil, int64, micros, [16]byte, string, []byte or bool.
type copiedRow struct {
	values []any
	event  time.Time // when its event was published
}

// pages reads a table some rows at a time.
type pages struct {
	db      *sql.DB
	table   *dialect.Table
	columns []dialect.Column
	lite    bool
	after   any // the key of the last row; nil at the beginning
}

func (p *pages) last(ctx context.Context) (any, error) {
	kind := p.columns[slices.IndexFunc(p.columns, func(c dialect.Column) bool { return c.Name == p.table.Key })].Kind
	var raw any
	if err := p.db.QueryRowContext(ctx, "SELECT "+p.table.Key+" FROM "+p.table.Name+" ORDER BY "+p.table.Key+" DESC LIMIT 1").Scan(&raw); err != nil {
		return nil, err
	}
	return canonical(kind, raw)
}

func (p *pages) next(ctx context.Context) ([]copiedRow, error) {
	names := make([]string, len(p.columns))
	keyAt := 0
	for i, c := range p.columns {
		names[i] = "t." + c.Name
		if c.Name == p.table.Key {
			keyAt = i
		}
	}
	text := "SELECT " + strings.Join(names, ", ")
	dated := p.lite && p.table.Daily
	join := ""
	switch {
	case dated && p.table == dialect.EventsTable:
		text += ", t.created_at"
	case dated:
		text, join = text+", e.created_at", " JOIN events e ON e.id = t."+p.table.Event
	}
	text += " FROM " + p.table.Name + " t" + join
	var args []any
	if p.after != nil {
		after := p.after
		if id, ok := after.([16]byte); ok && p.lite {
			after = id[:]
		}
		text, args = text+" WHERE t."+p.table.Key+" > $1", append(args, after)
	}
	rows, err := p.db.QueryContext(ctx, text+" ORDER BY t."+p.table.Key+" LIMIT "+strconv.Itoa(copyRows), args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var page []copiedRow
	for rows.Next() {
		raw := make([]any, len(p.columns))
		var published dialect.Micros
		into := make([]any, 0, len(raw)+1)
		for i := range raw {
			into = append(into, &raw[i])
		}
		if dated {
			into = append(into, &published)
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		for i, c := range p.columns {
			if raw[i], err = canonical(c.Kind, raw[i]); err != nil {
				return nil, fmt.Errorf("column %s: %w", c.Name, err)
			}
		}
		page = append(page, copiedRow{values: raw, event: published.Time()})
	}
	if len(page) > 0 {
		p.after = page[len(page)-1].values[keyAt]
	}
	return page, rows.Err()
}

// canonical is a value as both databases have it.
func canonical(kind string, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	switch kind {
	case "uuid":
		var id webhook.ID
		err := id.Scan(v)
		return [16]byte(id), err
	case "timestamp with time zone":
		var m dialect.Micros
		err := m.Scan(v)
		return m, err
	case "bigint", "integer":
		if n, ok := v.(int64); ok {
			return n, nil
		}
	case "boolean":
		switch b := v.(type) {
		case bool:
			return b, nil
		case int64:
			return b != 0, nil
		}
	case "text":
		switch s := v.(type) {
		case string:
			return postgres.Storable(s), nil
		case []byte:
			return postgres.Storable(string(s)), nil
		}
	case "bytea":
		switch b := v.(type) {
		case []byte:
			return slices.Clone(b), nil
		case string:
			return []byte(b), nil
		}
	}
	return nil, fmt.Errorf("%T as %s", v, kind)
}

// addTo adds a value to a sum, so that no two rows have the same.
func addTo(h hash.Hash, v any) {
	number := func(tag byte, n int64) {
		h.Write(binary.BigEndian.AppendUint64([]byte{tag}, uint64(n))) //nolint:gosec // two's complement
	}
	switch v := v.(type) {
	case nil:
		h.Write([]byte{0})
	case int64:
		number(1, v)
	case dialect.Micros:
		number(2, int64(v))
	case [16]byte:
		h.Write(append([]byte{3}, v[:]...))
	case string:
		number(4, int64(len(v)))
		h.Write([]byte(v))
	case []byte:
		number(5, int64(len(v)))
		h.Write(v)
	case bool:
		if v {
			h.Write([]byte{6})
		} else {
			h.Write([]byte{7})
		}
	}
}
