// Package removal removes events, and rows of deleted webhooks and tenants, with all rows that belong to them, as dialect.Tables
// declares. No other package deletes these rows, except that PostgreSQL drops the partitions of a whole day.
package removal

import (
	"fmt"
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Events is events that are being removed with all their rows, some in each transaction.
type Events struct {
	IDs      []webhook.ID
	From, To time.Time // when the first and the last one were published
	// Retention skips events with pending or held deliveries, because somebody may have retried one meanwhile, and records how far
	// the log of attempts is removed. False: the events are invisible already.
	Retention bool
}

// Group groups candidates by day, like partitions; an event with many rows is a group of its own.
func Group(found []dialect.Candidate, rows int) []Events {
	var list []Events
	size := 0
	for _, c := range found {
		published := c.CreatedAt.Time()
		if size += 1 + c.Size; len(list) == 0 || size > rows || dialect.DayOf(list[len(list)-1].From) != dialect.DayOf(published) {
			list = append(list, Events{From: published, To: published})
			size = 1 + c.Size
		}
		last := &list[len(list)-1]
		last.IDs = append(last.IDs, c.ID)
		if published.Before(last.From) {
			last.From = published
		}
		if published.After(last.To) {
			last.To = published
		}
	}
	return list
}

// Done is what one transaction has done.
type Done struct {
	Events int          // that are removed
	Rows   int          // that are removed or, of events without other rows, looked at
	Left   []webhook.ID // events that it has not come to
}

// Some removes what one transaction may of the events, of which there must be one or more: first the rows of the tables below events, some in
// each statement, then the events that have none left, with their other rows.
func Some(tx *dialect.Tx, db dialect.DB, e Events) (done Done, err error) {
	r := &remover{tx, db, &e, newPace()}
	defer func() { done.Rows = Rows - r.pace.left }()
	done.Left = e.IDs
	for t := range dialect.TablesThat(func(t *dialect.Table) bool { return t.Below == dialect.EventsTable }) {
		for left := true; left; {
			n := r.pace.rows()
			if n == 0 {
				return done, nil
			}
			if left, err = r.some(t, e.IDs, n); err != nil {
				return done, err
			}
		}
	}
	return done, r.bare(&done)
}

// Whole removes the events that may still be removed, each with all its rows, and returns their number. One statement for each table
// removes them all, so they must be few.
func Whole(tx *dialect.Tx, db dialect.DB, of *dialect.Cohort, e Events) (int, error) {
	r := &remover{tx, db, &e, nil}
	ids := e.IDs
	if lock := db.SkipLocked("deliveries"); lock != "" {
		var err error
		if ids, err = r.lockWhole(lock); err != nil || len(ids) == 0 {
			return 0, err
		}
	}
	among, arg := db.AmongIDs("id", ids)
	where, args := r.dated(among, "day", arg)
	expired, more := of.Expired(db)
	var gone []webhook.ID
	if err := r.DB.Raw("SELECT id FROM events WHERE "+where+" AND "+expired, append(args, more...)...).Scan(&gone).Error; err != nil || len(gone) == 0 {
		return 0, err
	}
	where, args = r.of(dialect.AttemptsTable, gone)
	var last []struct {
		TenantID webhook.ID
		Seq      int64
	}
	if err := r.DB.Raw("SELECT tenant_id, MAX(seq) AS seq FROM attempts WHERE "+where+" GROUP BY tenant_id", args...).Scan(&last).Error; err != nil {
		return 0, err
	}
	if len(last) > 0 {
		seqs := make(map[webhook.ID]int64, len(last))
		for _, l := range last {
			seqs[l.TenantID] = l.Seq
		}
		if err := r.notePruned(seqs); err != nil {
			return 0, err
		}
	}
	for _, t := range dialect.LastFirst(dialect.TablesThat((*dialect.Table).OfEvents)) {
		if t == dialect.AttemptsTable && len(last) == 0 {
			continue
		}
		where, args := r.of(t, gone)
		if err := r.DB.Exec("DELETE FROM "+t.Name+" WHERE "+where, args...).Error; err != nil {
			return 0, err
		}
	}
	return len(gone), nil
}

// remover removes events in a transaction.
type remover struct {
	*dialect.Tx

	db     dialect.DB
	events *Events
	pace   *pace
}

// dated is a condition, and with it that rows are of the days on which the events were published.
func (r *remover) dated(condition, dayColumn string, args ...any) (text string, all []any) {
	text, days := r.db.Published(dayColumn, r.events.From, r.events.To)
	return condition + text, append(args, days...)
}

// of is the condition that rows of a table belong to the events, as the table's indexes serve it.
func (r *remover) of(t *dialect.Table, events []webhook.ID) (where string, args []any) {
	if t.Below != nil && t.Below != dialect.EventsTable {
		above, args := r.of(t.Below, events)
		return r.dated(t.Parent+" IN (SELECT id FROM "+t.Below.Name+" WHERE "+above+")", "day", args...)
	}
	among, arg := r.db.AmongIDs(t.Event, events)
	if !t.Daily {
		return among, []any{arg}
	}
	return r.dated(among, "day", arg)
}

// some removes some rows whose parents have these ids, or some rows below those, and reports whether there were any. It reads about as
// many rows as it removes.
func (r *remover) some(t *dialect.Table, above []webhook.ID, n int) (left bool, err error) {
	where, args := r.dated(t.Parent+" IN ?", "day", above)
	if r.events.Retention && t == dialect.DeliveriesTable {
		where += " AND status <> 'PENDING'"
	}
	lock := ""
	if t.Below == dialect.EventsTable { // whoever locks a delivery locks its attempts, too
		lock = " ORDER BY " + t.Parent + ", webhook_id LIMIT ?" + r.db.SkipLocked(t.Name)
	} else {
		lock = " LIMIT ?"
	}
	var rows []struct {
		Seq      int64
		ID       webhook.ID
		TenantID webhook.ID
	}
	if err := r.DB.Raw("SELECT seq, id, tenant_id FROM "+t.Name+" WHERE "+where+lock, append(args, n)...).Scan(&rows).Error; err != nil || len(rows) == 0 {
		return false, err
	}
	ids, seqs, last := make([]webhook.ID, len(rows)), make([]int64, len(rows)), map[webhook.ID]int64{}
	for i, row := range rows {
		ids[i], seqs[i], last[row.TenantID] = row.ID, row.Seq, max(last[row.TenantID], row.Seq)
	}
	for child := range dialect.TablesThat(func(c *dialect.Table) bool { return c.Below == t }) {
		before := r.pace.left
		if left, err = r.some(child, ids, n); err != nil {
			return false, err
		}
		if left && before-r.pace.left >= n { // there may be more below these
			return true, nil
		}
		if left {
			seqs = seqs[:min(len(seqs), r.pace.rows())]
		}
	}
	if r.events.Retention && t == dialect.AttemptsTable {
		if err := r.notePruned(last); err != nil {
			return false, err
		}
	}
	return true, r.rows(t, seqs)
}

// rows removes rows by their Seqs.
func (r *remover) rows(t *dialect.Table, seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	r.pace.left -= len(seqs)
	among, arg := r.db.Among("seq", seqs)
	where, args := r.dated(among, "day", arg)
	return r.DB.Exec("DELETE FROM "+t.Name+" WHERE "+where, args...).Error
}

// bare removes those of the events that have no deliveries left, few at a time: each may have megabytes of data, and on PostgreSQL a look
// passes over what an index still has of all its deliveries.
func (r *remover) bare(done *Done) error {
	r.pace.next = paceFirst / 4
	for len(done.Left) > 0 {
		n := min(r.pace.rows(), len(done.Left))
		if n == 0 {
			return nil
		}
		r.pace.left -= n
		ids, err := r.withoutRows(done.Left[:n])
		if err != nil {
			return err
		}
		done.Left = done.Left[n:]
		if len(ids) == 0 {
			continue
		}
		for _, t := range dialect.LastFirst(dialect.TablesThat((*dialect.Table).OfEvents)) {
			if t.Below != nil {
				continue // they have none
			}
			where, args := r.of(t, ids)
			if err := r.DB.Exec("DELETE FROM "+t.Name+" WHERE "+where, args...).Error; err != nil {
				return err
			}
		}
		done.Events += len(ids)
	}
	return nil
}

// withoutRows returns those of the events that have no deliveries, and for retention none that are still to be made. OFFSET has PostgreSQL
// look for each event's deliveries by its index: otherwise it may join the events with all deliveries of their day while it has no
// statistics of that day.
func (r *remover) withoutRows(among []webhook.ID) (ids []webhook.ID, err error) {
	where, args := r.dated("events.id IN ?", "events.day", among)
	below, days := r.dated("d.event_id = events.id", "d.day") // PostgreSQL does not conclude the days from those of the events
	where, args = where+" AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE "+below+" LIMIT 1 OFFSET 0)", append(args, days...)
	if r.events.Retention {
		where += " AND NOT EXISTS (SELECT 1 FROM fanouts f WHERE f.event_id = events.id)"
	}
	err = r.DB.Raw("SELECT id FROM events WHERE "+where, args...).Scan(&ids).Error
	return ids, err
}

// lockWhole locks the events' deliveries and returns the events whose deliveries are all locked: those that another node works on
// stay for the next time.
func (r *remover) lockWhole(lock string) ([]webhook.ID, error) {
	where, args := r.of(dialect.DeliveriesTable, r.events.IDs)
	var locked []webhook.ID
	if err := r.DB.Raw("SELECT event_id FROM deliveries WHERE "+where+" ORDER BY event_id, webhook_id"+lock, args...).Scan(&locked).Error; err != nil {
		return nil, err
	}
	var all []struct {
		EventID webhook.ID
		N       int
	}
	if err := r.DB.Raw("SELECT event_id, COUNT(*) AS n FROM deliveries WHERE "+where+" GROUP BY event_id", args...).Scan(&all).Error; err != nil {
		return nil, err
	}
	missing := map[webhook.ID]int{}
	for _, a := range all {
		missing[a.EventID] = a.N
	}
	for _, id := range locked {
		missing[id]--
	}
	return slices.DeleteFunc(slices.Clone(r.events.IDs), func(id webhook.ID) bool { return missing[id] != 0 }), nil
}

// notePruned records how far retention has removed tenants' attempts.
func (r *remover) notePruned(last map[webhook.ID]int64) error {
	newest := int64(0)
	rows := make([][]any, 0, len(last))
	for id, seq := range last {
		newest = max(newest, seq)
		rows = append(rows, []any{id, seq})
	}
	if err := r.DB.Exec("UPDATE store SET pruned_attempt = ? WHERE pruned_attempt < ?", newest, newest).Error; err != nil {
		return err
	}
	slices.SortFunc(rows, func(a, b []any) int { x, y := a[0].(webhook.ID), b[0].(webhook.ID); return slices.Compare(x[:], y[:]) })
	return r.DB.Exec("UPDATE tenants SET pruned_attempt = v.seq FROM "+r.db.Rows([]dialect.Column{{Name: "id", Kind: "uuid"}, {Name: "seq", Kind: "bigint"}})+
		" AS v WHERE tenants.id = v.id AND tenants.pruned_attempt < v.seq", string(dialect.CompactJSON(rows))).Error
}

// Webhooks deletes webhooks of a tenant. Their own rows stay, marked, for their history; the rows that belong to them are removed.
func Webhooks(tx *dialect.Tx, tenant webhook.ID, ids []webhook.ID, at time.Time) error {
	if err := tx.DB.Exec("UPDATE webhooks SET deleted_at = ?, updated_at = ?, probe_at = NULL WHERE id IN ? AND tenant_id = ?",
		dialect.At(at), dialect.At(at), ids, tenant).Error; err != nil {
		return fmt.Errorf("delete webhooks: %w", err)
	}
	for _, t := range dialect.LastFirst(dialect.TablesThat((*dialect.Table).OfWebhooks)) {
		if err := tx.DB.Exec("DELETE FROM "+t.Name+" WHERE "+t.Webhook+" IN ? AND "+t.Owner+" = ?", ids, tenant).Error; err != nil {
			return fmt.Errorf("delete %s of webhooks: %w", t.Name, err)
		}
	}
	return nil
}

// Tenants are the tables that have rows of a deleted tenant once its events are removed, in the order in which to call OfTenant.
func Tenants() []*dialect.Table {
	return dialect.LastFirst(dialect.TablesThat(func(t *dialect.Table) bool { return t.Owned() && !t.Daily && !t.Outlives }))
}

// OfTenant removes some of a tenant's rows of a table, n at most, and returns how many it removed.
func OfTenant(tx *dialect.Tx, t *dialect.Table, tenant webhook.ID, n int) (rows int, err error) {
	res := tx.DB.Exec(fmt.Sprintf("DELETE FROM %[1]s WHERE (%[2]s) IN (SELECT %[2]s FROM %[1]s WHERE %[3]s = ? LIMIT ?)", t.Name, t.Key, t.Owner), tenant, n)
	return int(res.RowsAffected), res.Error
}
