// Package removal removes events, and rows of deleted tenants and webhooks, with all rows that belong to them, as dialect.Tables
// declares.
package removal

import (
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// remover removes in a transaction.
type remover struct {
	*dialect.Tx

	db dialect.DB
}

// Events is events that are being removed with all their rows, some in each transaction.
type Events struct {
	IDs      []webhook.ID
	From, To time.Time // when the first and the last one were published
	// Retention skips events with pending or held deliveries, because somebody may have retried one meanwhile, and records how far
	// the log of attempts is removed. False: the events are invisible already.
	Retention bool
}

// where adds to a condition that rows are of the days on which the events were published.
func (e *Events) where(db dialect.DB, condition, dayColumn string, args ...any) (text string, all []any) {
	text, days := db.Published(dayColumn, e.From, e.To)
	return condition + text, append(args, days...)
}

// Some removes what one transaction may, and returns how many events it removed and whether that was all. It removes attempts
// first, then deliveries, then the events and their other rows.
func Some(tx *dialect.Tx, db dialect.DB, e Events) (events int, done bool, err error) {
	r := &remover{tx, db}
	if len(e.IDs) == 0 {
		return 0, true, nil
	}
	p := newPace()
	for left := true; left; {
		n := p.rows()
		if n == 0 {
			return 0, false, nil
		}
		if left, err = r.removeDeliveries(&e, p, n); err != nil {
			return 0, false, err
		}
	}
	return r.removeBare(&e, p)
}

// removeDeliveries removes some deliveries, or some of their attempts, and reports whether there were any. It reads about as many
// rows as it removes.
func (r *remover) removeDeliveries(e *Events, p *pace, n int) (left bool, err error) {
	where, args := e.where(r.db, "event_id IN ?", "day", e.IDs)
	if e.Retention {
		where += " AND status <> 'PENDING'"
	}
	var rows []struct {
		Seq int64
		ID  webhook.ID
	}
	if err := r.DB.Raw("SELECT seq, id FROM deliveries WHERE "+where+" ORDER BY event_id, webhook_id LIMIT ?"+r.db.SkipLocked("deliveries"),
		append(args, n)...).Scan(&rows).Error; err != nil || len(rows) == 0 {
		return false, err
	}
	ids, seqs := make([]webhook.ID, len(rows)), make([]int64, len(rows))
	for i, row := range rows {
		ids[i], seqs[i] = row.ID, row.Seq
	}
	where, args = e.where(r.db, "delivery_id IN ?", "day", ids)
	var found []struct {
		Seq      int64
		TenantID webhook.ID
	}
	if err := r.DB.Raw("SELECT seq, tenant_id FROM attempts WHERE "+where+" LIMIT ?", append(args, n)...).Scan(&found).Error; err != nil {
		return false, err
	}
	if len(found) > 0 {
		attempts, last := make([]int64, len(found)), map[webhook.ID]int64{}
		for i, a := range found {
			attempts[i], last[a.TenantID] = a.Seq, max(last[a.TenantID], a.Seq)
		}
		if e.Retention {
			if err := r.notePruned(last); err != nil {
				return false, err
			}
		}
		if err := r.removeRows(e, p, dialect.AttemptsTable, attempts); err != nil || len(attempts) == n { // these deliveries may have more
			return true, err
		}
		seqs = seqs[:min(len(seqs), p.rows())]
	}
	return true, r.removeRows(e, p, dialect.DeliveriesTable, seqs)
}

// removeRows removes rows by their Seqs.
func (r *remover) removeRows(e *Events, p *pace, t *dialect.Table, seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	p.left -= len(seqs)
	among, arg := r.db.Among("seq", seqs)
	where, args := e.where(r.db, among, "day", arg)
	return r.DB.Exec("DELETE FROM "+t.Name+" WHERE "+where, args...).Error
}

// removeBare removes the events that have no deliveries left.
func (r *remover) removeBare(e *Events, p *pace) (events int, done bool, err error) {
	where, args := e.where(r.db, "events.id IN ?", "events.day", e.IDs)
	where += " AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = events.id" + r.db.SameDay("d", "events") + ")"
	if e.Retention {
		where += " AND NOT EXISTS (SELECT 1 FROM fanouts f WHERE f.event_id = events.id)"
	}
	var ids []webhook.ID
	if err := r.DB.Raw("SELECT id FROM events WHERE "+where, args...).Scan(&ids).Error; err != nil {
		return 0, false, err
	}
	p.next = paceFirst / 4 // each may have megabytes of data
	for len(ids) > 0 {
		n := min(p.rows(), len(ids))
		if n == 0 {
			return events, false, nil
		}
		some := ids[:n]
		ids = ids[n:]
		p.left -= n
		for _, t := range dialect.LastFirst(dialect.TablesThat((*dialect.Table).BesideEvents)) {
			if err := r.DB.Exec("DELETE FROM "+t.Name+" WHERE "+t.Event+" IN ?", some).Error; err != nil {
				return 0, false, err
			}
		}
		where, args := e.where(r.db, "id IN ?", "day", some)
		if err := r.DB.Exec("DELETE FROM events WHERE "+where, args...).Error; err != nil {
			return 0, false, err
		}
		events += n
	}
	return events, true, nil
}

// Whole removes the events that may still be removed, each with all its rows, and returns their number.
func Whole(tx *dialect.Tx, db dialect.DB, of *dialect.Cohort, e Events) (int, error) {
	r := &remover{tx, db}
	ids := e.IDs
	if lock := db.SkipLocked("deliveries"); lock != "" {
		var err error
		if ids, err = r.lockWhole(&e, lock); err != nil || len(ids) == 0 {
			return 0, err
		}
	}
	among, arg := db.AmongIDs("id", ids)
	where, args := e.where(db, among, "day", arg)
	expired, more := of.Expired(db)
	var gone []webhook.ID
	if err := r.DB.Raw("SELECT id FROM events WHERE "+where+" AND "+expired, append(args, more...)...).Scan(&gone).Error; err != nil || len(gone) == 0 {
		return 0, err
	}
	among, arg = db.AmongIDs("event_id", gone)
	where, args = e.where(db, among, "day", arg)
	deliveries := "SELECT id FROM deliveries WHERE " + where
	attempts, dated := e.where(db, "delivery_id IN ("+deliveries+")", "day", args...)
	var last []struct {
		TenantID webhook.ID
		Seq      int64
	}
	if err := r.DB.Raw("SELECT tenant_id, MAX(seq) AS seq FROM attempts WHERE "+attempts+" GROUP BY tenant_id", dated...).Scan(&last).Error; err != nil {
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
		if err := r.DB.Exec("DELETE FROM attempts WHERE "+attempts, dated...).Error; err != nil {
			return 0, err
		}
	}
	if err := r.DB.Exec("DELETE FROM deliveries WHERE "+where, args...).Error; err != nil {
		return 0, err
	}
	for _, t := range dialect.LastFirst(dialect.TablesThat((*dialect.Table).BesideEvents)) {
		among, arg := db.AmongIDs(t.Event, gone)
		if err := r.DB.Exec("DELETE FROM "+t.Name+" WHERE "+among, arg).Error; err != nil {
			return 0, err
		}
	}
	among, arg = db.AmongIDs("id", gone)
	where, args = e.where(db, among, "day", arg)
	return len(gone), r.DB.Exec("DELETE FROM events WHERE "+where, args...).Error
}

// lockWhole locks the events' deliveries and returns the events whose deliveries are all locked: those that another node works on
// stay for the next time.
func (r *remover) lockWhole(e *Events, lock string) ([]webhook.ID, error) {
	among, arg := r.db.AmongIDs("event_id", e.IDs)
	where, args := e.where(r.db, among, "day", arg)
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
	return slices.DeleteFunc(slices.Clone(e.IDs), func(id webhook.ID) bool { return missing[id] != 0 }), nil
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
