package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// shape has a field of each type that rows are scanned into.
type shape struct {
	ID               webhook.ID
	Name             string
	Status           webhook.DeliveryStatus
	Count            int
	Large            int64
	Test             bool
	Data             []byte
	Tags             []string `gorm:"serializer:json"`
	Scopes           webhook.TokenScopes
	At               time.Time `gorm:"serializer:micros"`
	MaybeID          *webhook.ID
	MaybeText        *string
	MaybeReason      *webhook.FailureReason
	MaybeTraceparent *webhook.TraceParent
	MaybeCount       *int
	MaybeLarge       *int64
	MaybeAt          *time.Time `gorm:"serializer:micros"`
}

// Lists scan rows as GORM does: values, and NULL in every column.
func TestRowsAreScanned(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		a, b := webhook.NewID(time.Now()), webhook.NewID(time.Now())
		bytes, hex := "BLOB", "X'%X'"
		if t.Kind == "postgres" {
			bytes, hex = "BYTEA", `'\x%X'`
		}
		must(t, s.Exec("CREATE TABLE shapes (id "+bytes+", name TEXT, status TEXT, count BIGINT, large BIGINT, test BOOLEAN, data "+bytes+", tags TEXT, scopes TEXT, at BIGINT, maybe_id "+
			bytes+", maybe_text TEXT, maybe_reason TEXT, maybe_traceparent TEXT, maybe_count BIGINT, maybe_large BIGINT, maybe_at BIGINT, foreign_column TEXT)"))
		must(t, s.Exec(fmt.Sprintf("INSERT INTO shapes (id) VALUES ("+hex+")", a[:])))
		must(t, s.Exec(fmt.Sprintf("INSERT INTO shapes VALUES ("+hex+", 'a name', 'FAILED', 3, 9007199254740993, TRUE, "+hex+`, '["x", "y"]', 'read', 1700000000000001, `+hex+
			", '', 'EXPIRED', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 0, -1, 1, 'x')", b[:], "bytes", a[:])))
		var want []*shape
		must(t, s.Reader().Table("shapes").Scan(&want).Error)
		got, err := list.ByID(s.Reader().WithContext(t.Context()).Table("shapes AS s"), nil, "s", []webhook.ID{a, b}, func(s *shape) webhook.ID { return s.ID })
		must(t, err)
		if len(want) != 2 || want[1].Large != 9007199254740993 || !want[1].Test || want[1].MaybeCount == nil {
			t.Fatalf("%+v", want)
		}
		for _, row := range want {
			if diff := cmp.Diff(row, got[row.ID]); diff != "" {
				t.Errorf("scanned (-GORM +list):\n%s", diff)
			}
		}
		for column, wrong := range map[string]string{"count": "many", "at": "soon", "tags": "{"} {
			_, err := list.ByID(s.Reader().WithContext(t.Context()).Table("shapes AS s").Select("s.id, '"+wrong+"' AS "+column), nil, "s", []webhook.ID{a}, func(s *shape) webhook.ID { return s.ID })
			if err == nil {
				t.Errorf("%q is read from %s", wrong, column)
			}
		}
	})
}

// Rows written many at a time are read back unchanged, whatever rows are before and after: as many as fit into a statement and
// more, with repeated and distinct values, and large ones that split a statement.
func TestRowsAreKeptApart(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{MaxDataBytes: 1 << 20})
		c := tenant(t, s, "a")
		h := register(t, c, webhook.New{Enabled: true})
		given := make([]webhook.NewEvent, 400)
		for i := range given {
			size := i % 7 // repeats
			if i%130 == 129 {
				size = 300 << 10
			}
			given[i] = webhook.NewEvent{Type: fmt.Sprintf("job.t%d", i/100), Data: json.RawMessage(`"` + strings.Repeat("x", size) + `"`)}
		}
		published := publish(t, c, given...)
		ids := make([]webhook.ID, len(published))
		for i, p := range published {
			ids[i] = p.Event.ID
		}
		events, err := c.EventsByID(t.Context(), ids)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range published {
			if diff := cmp.Diff(p.Event, events[ids[i]], cmp.Comparer(bytes.Equal)); diff != "" {
				t.Fatalf("event %d (-published +read):\n%s", i, diff)
			}
			if i > 0 && p.Event.Seq <= published[i-1].Event.Seq {
				t.Fatalf("event %d is number %d after %d", i, p.Event.Seq, published[i-1].Event.Seq)
			}
		}

		want := map[webhook.ID]webhook.Attempt{} // by delivery
		for claims, _ := claim(t, s, h.ID, 1000); len(claims) > 0; claims, _ = claim(t, s, h.ID, 1000) {
			for i, claimed := range claims {
				a := webhook.Attempt{
					Status: webhook.AttemptSucceeded, Trigger: webhook.TriggerSchedule, StartedAt: time.Unix(int64(i/2), 0).UTC(),
					DurationUs: int64(i % 3), FirstByteUs: int64(i), URL: h.URL, RequestHeaders: webhook.HeaderBlock(fmt.Sprintf("N: %d\r\n", i/4)),
				}
				switch i % 5 {
				case 1:
					status := 200 + i%2
					a.ResponseStatus, a.ResponseBody = &status, []byte(strings.Repeat("y", i))
				case 2:
					code := webhook.ErrorTimeout
					a.Status, a.Error, a.Message, a.ResponseTruncated = webhook.AttemptFailed, &code, "too slow", true
				case 3:
					a.SignedBy, a.ResponseBody = h.ID[:], []byte("z")
				}
				if err := s.Record(t.Context(), &store.Result{Claimed: claimed, Attempt: a}); err != nil {
					t.Fatal(err)
				}
				d, e := &claimed.Delivery, claimed.Event
				a.TenantID, a.WebhookID, a.DeliveryID, a.EventID, a.EventType, a.Number = d.TenantID, d.WebhookID, d.ID, d.EventID, e.Type, 1
				want[d.ID] = a
			}
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(want) != len(given) {
			t.Fatalf("%d deliveries were claimed, want %d", len(want), len(given))
		}
		for page := (store.Page{First: 100}); len(want) > 0; {
			got, err := c.Attempts(t.Context(), store.AttemptFilter{}, page)
			if err != nil || len(got.Items) == 0 {
				t.Fatalf("%d attempts are missing: %v", len(want), err)
			}
			for _, got := range got.Items {
				a := want[got.DeliveryID]
				delete(want, got.DeliveryID)
				a.ID, a.Seq = got.ID, got.Seq
				if diff := cmp.Diff(&a, got, cmp.Comparer(bytes.Equal)); diff != "" {
					t.Fatalf("attempt of %s (-recorded +read):\n%s", got.DeliveryID, diff)
				}
				page.After = got.Seq
			}
		}
	})
}

// A statement that fails at one of its rows leaves none of those before it, and fails only its own caller.
func TestFailedStatementLeavesNothing(t *testing.T) {
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	c := tenant(t, s, "a")
	register(t, c, webhook.New{Enabled: true})
	if err := s.Exec("CREATE UNIQUE INDEX once ON events (type) WHERE type = 'job.once'"); err != nil {
		t.Fatal(err)
	}
	bad := make([]webhook.NewEvent, 200)
	for i := range bad {
		bad[i] = webhook.NewEvent{Type: "job.done", Data: json.RawMessage(`1`)}
	}
	bad[100].Type, bad[150].Type = "job.once", "job.once"
	release := s.Hold(t) // so that both calls are in one transaction
	refused, stored := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := c.Publish(context.Background(), bad)
		refused <- err
	}()
	go func() {
		_, err := c.Publish(context.Background(), bad[:3])
		stored <- err
	}()
	webhooktest.Eventually(t, "the calls come to the writer", func() bool {
		_, waiting := s.Queued()
		return waiting == 2
	})
	release()
	if err := <-refused; !errors.Is(err, webhook.ErrUnavailable) {
		t.Errorf("the failing call: %v", err)
	}
	if err := <-stored; err != nil {
		t.Errorf("its neighbour: %v", err)
	}
	publish(t, c, bad[100])
	if n, err := c.CountEvents(t.Context(), store.EventFilter{}); n != 4 || err != nil {
		t.Errorf("%d events are stored, want 4: %v", n, err)
	}
	if n, err := c.CountDeliveries(t.Context(), store.DeliveryFilter{}); n != 4 || err != nil {
		t.Errorf("%d deliveries are stored, want 4: %v", n, err)
	}
}
