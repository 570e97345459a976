package store_test

import (
	"fmt"
	"testing"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/ordering"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// visited is how many rows of deliveries PostgreSQL reads while do runs in a transaction.
func visited(t *testing.T, s *store.Store, do func(b *dialect.Tx) error) (rows int64) {
	t.Helper()
	const read = "SELECT COALESCE(SUM(seq_tup_read + idx_tup_fetch), 0) FROM pg_stat_xact_user_tables WHERE relname LIKE 'deliveries%'"
	must(t, s.InTransaction(t.Context(), func(b *dialect.Tx) error {
		var before, after int64
		if err := b.DB.Raw(read).Scan(&before).Error; err != nil {
			return err
		}
		if err := do(b); err != nil {
			return err
		}
		err := b.DB.Raw(read).Scan(&after).Error
		rows = after - before
		return err
	}))
	return rows
}

// What a claim, and the promotion of the next deliveries of a line, read does not depend on how many wait, in one line or in many; and a claim
// from lines reads no more than one from a backlog without an order. (SQLite: sqlite.TestOrderingPlans.)
func TestOrderingReadsNoBacklog(tt *testing.T) {
	t := storetest.On(tt, storetest.Postgres)
	type costs struct{ claim, advance, enter int64 }
	measure := func(shape string, n int) (c costs) {
		s := t.Fresh().Open(t, store.Options{})
		o := newKeyed(t, s, webhook.New{})
		of := o.hook
		if shape == "unordered" {
			of = register(t, o.Scope, webhook.New{Enabled: true})
		}
		var names []string
		const keys = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx"
		for i := range 64 {
			names = append(names, fmt.Sprintf("%c%d", keys[i%len(keys)], i))
		}
		o.publish(names...)
		line, place, due := "x.line", "x.place + i", "NULL"
		switch shape {
		case "many lines":
			line, place, due = "gen_random_uuid()", "0", "x.created_at + interval '1 hour'"
		case "unordered":
			line, place, due = "NULL::uuid", "NULL", "x.created_at + interval '1 hour'"
		}
		must(t, s.Exec(fmt.Sprintf(`INSERT INTO deliveries (day, seq, id, tenant_id, event_id, webhook_id, event_type, status, attempt_count, schedule_start,
			triggered_by, due_at, created_at, line, place) SELECT x.day, x.seq + 1000000 + i, gen_random_uuid(), x.tenant_id, gen_random_uuid(), x.webhook_id,
			x.event_type, 'PENDING', 0, 0, 'SCHEDULE', %s, x.created_at, %s, %s FROM (SELECT * FROM deliveries WHERE webhook_id = '%s' ORDER BY seq DESC LIMIT 1) x,
			generate_series(1, %d) i`, due, line, place, of.ID, n)))
		var lines []webhook.ID
		c.claim = visited(t.T, s, func(b *dialect.Tx) error {
			claims, err := s.Dialect().Claim(b, s.Target(of.ID), 50, 1<<30)
			for _, claimed := range claims {
				if claimed.Delivery.Line != nil {
					lines = append(lines, *claimed.Delivery.Line)
				}
			}
			if len(claims) != 50 {
				t.Errorf("claimed %d, want 50", len(claims))
			}
			if err == nil {
				_, err = s.Dialect().NextDue(b, s.Target(of.ID))
			}
			return err
		})
		c.enter = visited(t.T, s, func(b *dialect.Tx) error {
			_, err := ordering.Occupied(b, s.Dialect(), lines)
			return err
		})
		must(t, s.Exec("UPDATE deliveries SET place = NULL, claimed_by = NULL, status = 'SUCCEEDED' WHERE claimed_by IS NOT NULL"))
		c.advance = visited(t.T, s, func(b *dialect.Tx) error {
			heads, err := s.Dialect().Promote(b, lines)
			if len(lines) > 0 && len(heads) < 14 {
				t.Errorf("promoted %d, want 14 or more", len(heads))
			}
			return err
		})
		return c
	}
	const few, many = 3000, 30_000
	unordered := measure("unordered", many)
	for _, shape := range []string{"one line", "many lines"} {
		small, large := measure(shape, few), measure(shape, many)
		t.Logf("%s: %+v with %d, %+v with %d; unordered %+v", shape, small, few, large, many, unordered)
		if large.claim > small.claim+10 || large.advance > small.advance+10 || large.enter > small.enter+10 {
			t.Errorf("%s: %+v rows with %d, %+v with %d", shape, small, few, large, many)
		}
		if large.claim > unordered.claim+10 {
			t.Errorf("%s: a claim reads %d rows, one without an order %d", shape, large.claim, unordered.claim)
		}
	}
}
