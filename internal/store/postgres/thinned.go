package postgres

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// thinned remembers which days were read completely, and for which cohorts, so that retention does not read what stays of a day, such as
// failures, each time it runs. Only the goroutine that prunes uses it; another process reads each day once more.
type thinned struct {
	days map[dialect.Day]*thinnedDay
}

// thinnedDay is a day that had expired when it was read.
type thinnedDay struct {
	changes sql.NullInt64 // see changesOf, from before it was read
	by      map[webhook.ID]thinnedBy
}

// thinnedBy has the cohorts for which a day was read, by tenant; the zero id stands for tenants without a retention of their own.
type thinnedBy struct {
	failed time.Time    // of the cutoff
	but    []webhook.ID // tenants with a retention of their own
}

// keep forgets all other days.
func (t *thinned) keep(days []dialect.Day) {
	kept := make(map[dialect.Day]*thinnedDay, len(t.days))
	for _, d := range days {
		if is := t.days[d]; is != nil {
			kept[d] = is
		}
	}
	t.days = kept
}

// day returns what is known of a day with this number of changes.
func (t *thinned) day(d dialect.Day, changes sql.NullInt64) *thinnedDay {
	is := t.days[d]
	if is == nil || is.changes != changes || !changes.Valid {
		is = &thinnedDay{changes: changes, by: map[webhook.ID]thinnedBy{}}
		t.days[d] = is
	}
	return is
}

// done reports whether reading the day for the cohort again would find nothing: all of it had expired the last time, and since then nothing
// has changed and no failure has expired.
func (is *thinnedDay) done(d dialect.Day, c *dialect.Cohort) bool {
	last, ok := is.by[whose(c)]
	return ok && slices.Equal(last.but, c.But) && (!last.failed.Before((d + 1).Start()) || !c.Failed.After(d.Start()))
}

// read notes that the day was read for the cohort.
func (is *thinnedDay) read(c *dialect.Cohort) { is.by[whose(c)] = thinnedBy{c.Failed, c.But} }

func whose(c *dialect.Cohort) (tenant webhook.ID) {
	if c.Tenant != nil {
		return *c.Tenant
	}
	return tenant
}

// thin removes expired events of a day, for each cohort that may have some.
func (p *DB) thin(ctx context.Context, pr dialect.Pruner, d dialect.Day, cohorts []dialect.Cohort) error {
	var known *thinnedDay
	for i := range cohorts {
		c := &cohorts[i]
		if !d.Start().Before(c.Before) {
			continue
		}
		over := !c.Before.Before((d + 1).Start()) // otherwise more of it expires each time
		if over && known == nil {
			changes, err := p.changesOf(ctx, d)
			if err != nil {
				return dialect.Unavailable(err)
			}
			known = p.thinned.day(d, changes)
		}
		if over && known.done(d, c) {
			continue
		}
		if err := p.thinDay(ctx, pr, d, c); err != nil {
			return err
		}
		if over {
			known.read(c)
		}
	}
	return nil
}

// changesOf returns a number that changes when a delivery of the day is created, completed or retried, or when a large fan-out ends.
// PostgreSQL updates it about a second late. It is NULL if PostgreSQL does not count.
func (p *DB) changesOf(ctx context.Context, d dialect.Day) (n sql.NullInt64, err error) {
	err = p.side.QueryRowContext(ctx, `SELECT CASE WHEN current_setting('track_counts')::boolean THEN
		(SELECT pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid) FROM pg_class c WHERE c.oid = to_regclass($1))
		- (SELECT COUNT(*) FROM fanouts WHERE created_at >= $2 AND created_at < $3) END`, "deliveries_"+d.String(), d.Start(), (d + 1).Start()).Scan(&n)
	return n, err
}

// thinDay removes a day's expired events. It reads the day in the order of event ids, which contain their time, or only one
// tenant's events.
func (p *DB) thinDay(ctx context.Context, pr dialect.Pruner, d dialect.Day, c *dialect.Cohort) error {
	read := p.s.Read.WithContext(ctx)
	whose, of := c.Whose()
	key, after := "id", any(webhook.ID{})
	if c.Tenant != nil {
		key, after = "seq", any(int64(0))
	}
	var ids []webhook.ID
	var seqs []int64
	for more := true; more; {
		into := any(&ids)
		if ids, seqs = nil, nil; c.Tenant != nil {
			into = &seqs
		}
		err := read.Raw("SELECT "+key+" FROM events WHERE day = ? AND "+key+" > ?"+whose+" ORDER BY "+key+" OFFSET ? LIMIT 1",
			append(append([]any{d.Start(), after}, of...), dialect.PruneWindow-1)...).Scan(into).Error
		if err != nil {
			return dialect.Unavailable(err)
		}
		end, ends := "", []any{}
		switch more = len(ids)+len(seqs) > 0; {
		case len(ids) > 0:
			end, ends = " AND id <= ?", []any{ids[0]}
		case len(seqs) > 0:
			end, ends = " AND seq <= ?", []any{seqs[0]}
		}
		for {
			expired, args := c.Expired(p)
			var found []dialect.Candidate
			all := append(append(append([]any{d.Start(), after}, ends...), of...), args...)
			if err := read.Raw(dialect.Candidates(p)+" WHERE day = ? AND "+key+" > ?"+end+whose+" AND "+expired+" ORDER BY "+key+" LIMIT ?",
				append(all, dialect.PruneEvents)...).Scan(&found).Error; err != nil {
				return dialect.Unavailable(err)
			}
			if err := pr.Take(ctx, c, found); err != nil {
				return err
			}
			if len(found) < dialect.PruneEvents {
				break
			}
			if last := found[len(found)-1]; c.Tenant == nil {
				after = last.ID
			} else {
				after = last.Seq
			}
		}
		if more {
			after = ends[0]
		}
	}
	return nil
}
