// Package fanout keeps some notes in memory and hands them to the writer in turn. A note says that an event's deliveries are still
// to be created.
package fanout

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Limits of the notes in memory.
const (
	notesEach    = 32        // of one tenant
	notesAll     = 1024      // of all
	noteBytes    = 16 << 20  // their events' data
	minPiece     = 16        // deliveries of a note in one transaction
	notesInBatch = notesEach // notes that one transaction works on

	// NoteRest is how long a note waits if the sender had no room for most of a piece, or has enough to do. It limits how far
	// deliveries are created ahead of the sender: those without room are claimed one webhook at a time, which takes longer than
	// creating them, and the others take memory.
	NoteRest = 20 * time.Millisecond
)

// queryTimeout limits one query for notes.
const queryTimeout = 2 * time.Second

// Note says that deliveries of an event are still to be created.
type Note struct {
	Seq          int64 `gorm:"primaryKey;autoIncrement"`
	EventID      webhook.ID
	TenantID     webhook.ID
	CreatedAt    time.Time `gorm:"serializer:micros;autoCreateTime:false"` // the event's
	Size         int       // about how many deliveries are to be made
	AfterWebhook int64     // the webhooks' Seq up to which they are created
	LastWebhook  int64     // the Seq of the newest webhook when the event was published
	OrderingKey  *string   // the event's; set only if its order matters

	// While the note is in memory:
	Event  *webhook.Event  `gorm:"-"` // shared by all deliveries
	Wanted *dialect.Wanted `gorm:"-"`
	evict  bool            // it must make room for smaller ones
}

// TableName implements gorm's Tabler.
func (*Note) TableName() string { return "fanouts" }

// left returns about how many deliveries are still to be created.
func (f *Note) left() int { return max(1, f.Size) }

// Piece is the work of one transaction for a note.
type Piece struct {
	*Note
	N int // deliveries at most

	After int64 // start of the next piece
	Made  int
	Wait  bool // the sender had no room for most of Made, or has enough to do
	Done  bool // nothing is left, or the note is gone
	Held  bool // another node has it, or has removed it
	Waits bool // an earlier note with the same ordering key comes first
}

// Start reads the note's position from the database, and reports whether this transaction owns the note.
func (p *Piece) Start(after map[int64]int64) bool {
	at, ok := after[p.Seq]
	p.After, p.Made, p.Done, p.Held = at, 0, false, !ok
	return ok && !p.Waits
}

// Notes are the notes in memory, which the writer takes: tenants in turn, and each tenant's notes in turn.
type Notes struct {
	Ready chan struct{} // holds one signal while a note waits for the writer

	read   *gorm.DB
	log    *slog.Logger
	shared bool            // a server works on notes
	quit   context.Context // ends with the store
	match  func(e *webhook.Event) *dialect.Wanted
	wake   chan struct{} // holds one signal: there may be more to read

	// Notes with a failed piece: their next pieces check for deliveries that exist already. Only the writer's goroutine uses it.
	careful map[int64]bool

	mu      sync.Mutex // guards what follows
	active  map[int64]*Note
	waiting []*fanLine // for the writer, in the order of their turns
	count   map[webhook.ID]int
	bytes   int                 // of active ones' data
	more    map[webhook.ID]bool // tenants that may have inactive notes; true: look at once
	loading bool                // a tenant's notes are being read
	crowded bool                // there was no room for a tenant's first note
	missed  int                 // a counter: a piece was put aside, so find must be called
	found   int                 // missed at the start of the last completed find
}

// fanLine is a tenant's notes that wait for the writer.
type fanLine struct {
	tenant webhook.ID
	notes  []*Note
}

// New returns an empty Notes. shared says that another process, a server, works on notes; quit ends with the store. match is called for each
// event whose note is taken into memory.
func New(quit context.Context, read *gorm.DB, log *slog.Logger, shared bool, match func(e *webhook.Event) *dialect.Wanted) *Notes {
	missed := 1 // notes of an earlier process
	if shared {
		missed = 0
	}
	return &Notes{
		read: read, log: log, shared: shared, quit: quit, match: match, missed: missed, Ready: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		careful: map[int64]bool{}, active: map[int64]*Note{}, count: map[webhook.ID]int{}, more: map[webhook.ID]bool{},
	}
}

// Waits reports whether a note waits for the writer.
func (f *Notes) Waits() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.waiting) > 0
}

// Share returns the part of limit that is reserved for waiting notes.
func (f *Notes) Share(limit int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.waiting) == 0 {
		return 0
	}
	return limit / 4
}

// Fill hands out pieces of waiting notes until a transaction's cost reaches about limit. cost is the cost so far; the cost then is
// returned.
func (f *Notes) Fill(cost, limit int) (pieces []*Piece, costs int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.quit.Err() != nil {
		return nil, cost // the next start continues
	}
	room := limit - cost
	var taken []*Note
	for most := min(notesInBatch, max(1, room/minPiece)); room > 0 && len(taken) < most && len(f.waiting) > 0; {
		l := f.waiting[0]
		f.waiting = f.waiting[1:]
		taken = append(taken, l.notes[0])
		if l.notes = l.notes[1:]; len(l.notes) > 0 {
			f.waiting = append(f.waiting, l)
		}
	}
	// The small ones first, so that larger ones get what they do not use.
	slices.SortFunc(taken, func(a, b *Note) int { return a.left() - b.left() })
	for i, note := range taken {
		n := max(minPiece, (limit-cost)/(len(taken)-i))
		n = min(n, note.left()+minPiece) // a few more than are left, to find the end
		pieces = append(pieces, &Piece{Note: note, N: n})
		cost += n + 1
	}
	if len(f.waiting) > 0 {
		dialect.Signal(f.Ready)
	}
	return pieces, cost
}

// Careful reports whether a piece of the note has failed, so that its deliveries may exist already. Only the writer's goroutine may
// call it.
func (f *Notes) Careful(note int64) bool { return f.careful[note] }

// put appends the note to its tenant's line. The caller must hold mu.
func (f *Notes) put(note *Note) {
	dialect.Signal(f.Ready)
	for _, l := range f.waiting {
		if l.tenant == note.TenantID {
			l.notes = append(l.notes, note)
			return
		}
	}
	f.waiting = append(f.waiting, &fanLine{tenant: note.TenantID, notes: []*Note{note}})
}

// drop removes a note that is in no line. The caller must hold mu.
func (f *Notes) drop(note *Note) {
	delete(f.active, note.Seq)
	f.bytes -= len(note.Event.Data)
	if f.count[note.TenantID]--; f.count[note.TenantID] == 0 {
		delete(f.count, note.TenantID)
	}
	if len(f.more) > 0 || f.crowded {
		dialect.Signal(f.wake)
	}
}

// Committed takes back the notes of committed pieces.
func (f *Notes) Committed(pieces []*Piece) {
	if len(pieces) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range pieces {
		note := p.Note
		switch {
		case p.Held || p.Done:
			delete(f.careful, note.Seq)
			f.drop(note)
			if p.Held {
				f.missed++
				dialect.Signal(f.wake)
			}
		default:
			note.AfterWebhook, note.Size = p.After, max(1, note.Size-p.Made)
			switch {
			case note.evict || f.crowded:
				f.more[note.TenantID] = true
				f.drop(note)
			case p.Wait || p.Waits:
				time.AfterFunc(NoteRest, func() { f.rested(note) })
			default:
				f.put(note)
			}
		}
	}
}

// rested puts a note back into its line.
func (f *Notes) rested(note *Note) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.put(note)
}

// Refused puts aside the notes of failed pieces; they are read again after a while.
func (f *Notes) Refused(pieces []*Piece) {
	if len(pieces) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.missed++
	dialect.Signal(f.wake)
	for _, p := range pieces {
		f.careful[p.Seq] = true
		f.drop(p.Note)
	}
}

// Noted adds notes that have been committed.
func (f *Notes) Noted(notes []*Note) {
	if len(notes) == 0 || f.shared {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	smallest := map[webhook.ID]*Note{}
	for _, n := range notes {
		if s := smallest[n.TenantID]; s == nil || n.Size < s.Size {
			smallest[n.TenantID] = n
		}
	}
	for tenant, n := range smallest {
		f.mayHaveMore(tenant)
		f.makeRoom(n)
	}
	dialect.Signal(f.wake)
}

// mayHaveMore marks the tenant, so that its notes are read when there is room. The caller must hold mu.
func (f *Notes) mayHaveMore(tenant webhook.ID) {
	if _, known := f.more[tenant]; !known {
		f.more[tenant] = false
	}
}

// makeRoom evicts the largest of the tenant's notes if a much smaller one arrives and there is no room. The caller must hold mu.
func (f *Notes) makeRoom(n *Note) {
	if f.count[n.TenantID] < notesEach {
		return
	}
	var largest *Note
	for _, o := range f.active {
		if o.TenantID != n.TenantID {
			continue
		}
		if o.evict {
			return // one is being evicted already
		}
		if largest == nil || o.left() > largest.left() {
			largest = o
		}
	}
	if largest != nil && n.left() < largest.left()/2 {
		largest.evict = true
	}
}

// Pending reports whether this process knows of anything left to do.
func (f *Notes) Pending() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.loading || len(f.active) > 0 || len(f.more) > 0 || f.missed != f.found
}

// Run reads notes into memory until ctx ends: those that exist at the start, committed ones, those that Look finds, and again those
// that were put aside.
func (f *Notes) Run(ctx context.Context) {
	retry := time.NewTimer(0)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-retry.C:
			if err := f.find(ctx); err != nil {
				f.unread(ctx, err)
			}
		case <-f.wake:
		}
		f.load(ctx)
		if f.again() {
			retry.Reset(100 * time.Millisecond)
		}
	}
}

// again reports whether notes were put aside.
func (f *Notes) again() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.missed != f.found
}

// find finds the tenants that have notes.
func (f *Notes) find(ctx context.Context) error {
	f.mu.Lock()
	missed := f.missed
	f.mu.Unlock()
	var last webhook.ID
	for ctx.Err() == nil {
		var tenant webhook.ID
		err := f.row(ctx, []any{&tenant}, "SELECT tenant_id FROM fanouts WHERE tenant_id > $1 ORDER BY tenant_id LIMIT 1", last)
		if errors.Is(err, sql.ErrNoRows) {
			f.mu.Lock()
			f.found = missed
			f.mu.Unlock()
			return nil
		}
		if err != nil {
			return fmt.Errorf("find notes of fan-outs: %w", err)
		}
		f.mu.Lock()
		f.mayHaveMore(tenant)
		f.mu.Unlock()
		last = tenant
	}
	return ctx.Err()
}

func (f *Notes) unread(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	f.log.WarnContext(ctx, "large fan-outs cannot be read yet", slog.Any("error", err))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.missed++
}

// query returns the context of one query. It does not end when the store closes, which waits for it: PostgreSQL would continue a
// query whose connection is gone.
func (f *Notes) query(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), queryTimeout)
}

// row queries without GORM, because the server's own statements are not those of a Scope.
func (f *Notes) row(ctx context.Context, into []any, text string, args ...any) error {
	ctx, cancel := f.query(ctx)
	defer cancel()
	pool, err := f.read.DB()
	if err != nil {
		return err
	}
	return pool.QueryRowContext(ctx, text, args...).Scan(into...)
}

// load reads notes of tenants that have room for more.
func (f *Notes) load(ctx context.Context) {
	for ctx.Err() == nil {
		tenant, ok := f.wants()
		if !ok {
			return
		}
		if err := f.loadTenant(ctx, tenant); err != nil {
			f.unread(ctx, err)
			f.mu.Lock()
			f.loading = false
			f.mu.Unlock()
			return
		}
	}
}

// wants returns a tenant that may have more notes and has room for them, preferably one with none in memory.
func (f *Notes) wants() (tenant webhook.ID, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() { f.loading = ok }()
	room := len(f.active) < notesAll && f.bytes < noteBytes
	f.crowded = false
	for id, now := range f.more {
		switch n := f.count[id]; {
		case n == 0 && room:
			return id, true
		case n == 0:
			f.crowded = true
		case room && (n <= notesEach/2 || now && n < notesEach):
			tenant, ok = id, true
		}
	}
	return tenant, ok
}

// loadTenant reads notes of the tenant: the oldest, so that none waits forever, and the smallest, so that these do not wait for
// large ones.
func (f *Notes) loadTenant(ctx context.Context, tenant webhook.ID) error {
	f.mu.Lock()
	delete(f.more, tenant) // later commits mark it again
	known := f.count[tenant]
	f.mu.Unlock()
	smallest, err := f.notes(ctx, tenant, "size, seq", notesEach)
	if err != nil {
		return err
	}
	all := len(smallest) < notesEach
	oldest := smallest
	if !all {
		if oldest, err = f.notes(ctx, tenant, "seq", notesEach); err != nil {
			return err
		}
	}
	added := 0
	for i := range max(len(smallest), len(oldest)) {
		for _, list := range [][]*Note{smallest, oldest} {
			if i >= len(list) || known+added >= notesEach {
				continue
			}
			ok, err := f.add(ctx, list[i])
			if err != nil {
				return err
			}
			if ok {
				added++
			}
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if added > 0 && !all || f.bytes >= noteBytes {
		f.mayHaveMore(tenant)
	}
	return nil
}

func (f *Notes) notes(ctx context.Context, tenant webhook.ID, order string, limit int) ([]*Note, error) {
	ctx, cancel := f.query(ctx)
	defer cancel()
	pool, err := f.read.DB()
	if err != nil {
		return nil, err
	}
	rows, err := pool.QueryContext(ctx, "SELECT seq, event_id, size, after_webhook, last_webhook, ordering_key FROM fanouts WHERE tenant_id = $1 ORDER BY "+order+" LIMIT $2", tenant, limit) //nolint:gosec // order is one of two texts of this package
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var list []*Note
	for rows.Next() {
		n := &Note{TenantID: tenant}
		if err := rows.Scan(&n.Seq, &n.EventID, &n.Size, &n.AfterWebhook, &n.LastWebhook, &n.OrderingKey); err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, rows.Err()
}

// add reads the note's event and puts the note into its line, unless it is there already.
func (f *Notes) add(ctx context.Context, note *Note) (added bool, err error) {
	f.mu.Lock()
	known := f.active[note.Seq] != nil || f.bytes >= noteBytes
	f.mu.Unlock()
	if known {
		return false, nil
	}
	e := &webhook.Event{ID: note.EventID, TenantID: note.TenantID}
	var happened, published dialect.Micros
	var deliver, expires *dialect.Micros
	var tags *string
	err = f.row(ctx, []any{&e.Seq, &e.Type, &happened, &published, &e.OrderingKey, &tags, &deliver, &expires, &e.Traceparent, &e.Data},
		"SELECT seq, type, timestamp, created_at, ordering_key, tags, deliver_at, expires_at, traceparent, data FROM events WHERE id = $1", note.EventID)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil // the event was removed meanwhile, with its note
	}
	if err != nil {
		return false, err
	}
	e.Timestamp, e.CreatedAt = happened.Time(), published.Time()
	e.DeliverAt, e.ExpiresAt = dialect.MaybeTime(deliver), dialect.MaybeTime(expires)
	if err := dialect.SetTags(e, tags); err != nil {
		return false, err
	}
	note.Event, note.Wanted = e, f.match(e)
	f.Put(note)
	return true, nil
}

// Blocked returns those of the notes that come after another one with the same ordering key: deliveries of a key are made in the order of its
// events.
func Blocked(db *gorm.DB, seqs []int64) (map[int64]bool, error) {
	var found []int64
	err := db.Raw(`SELECT f.seq FROM fanouts f WHERE f.seq IN ? AND EXISTS
		(SELECT 1 FROM fanouts o WHERE o.tenant_id = f.tenant_id AND o.ordering_key = f.ordering_key AND o.seq < f.seq)`, seqs).Scan(&found).Error
	if err != nil {
		return nil, fmt.Errorf("look for earlier fan-outs: %w", err)
	}
	blocked := make(map[int64]bool, len(found))
	for _, seq := range found {
		blocked[seq] = true
	}
	return blocked, nil
}

// Put puts a note with its event into its line.
func (f *Notes) Put(note *Note) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active[note.Seq] = note
	f.count[note.TenantID]++
	f.bytes += len(note.Event.Data)
	f.put(note)
}

// Look searches for notes and makes Run read them.
func (f *Notes) Look(ctx context.Context) error {
	defer dialect.Signal(f.wake)
	return f.find(ctx)
}
