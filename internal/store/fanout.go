package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// An event that very many webhooks want is committed with a note instead of its deliveries, and its publisher is answered at once
// (I1, I17). The deliveries are made afterwards, in the order of the webhooks' Seq and in pieces: each piece moves the note on, or
// removes it, in the transaction that makes its deliveries, so that every one is made, once, whatever ends the process.
//
// Notes wait in the database. Some of each tenant's are in memory (fanOuts), from where the writer takes them in turn. Replicas
// may work on the same note: the row is locked for a piece, and says where the next one begins.

// Which events get a note. Tests make them smaller.
var (
	fanOutAbove    = 256  // webhooks that want an event
	callDeliveries = 8192 // that one call makes before its answer, but for
	noteAbove      = 32   // events that no more webhooks than these want
)

// Bounds of the notes in memory.
const (
	notesEach    = 32        // of one tenant
	notesAll     = 1024      // of all
	noteBytes    = 16 << 20  // their events' data
	minPiece     = 16        // deliveries of a note in one transaction
	notesInBatch = notesEach // notes that one transaction works on

	// noteRest is how long a note waits when the sender had no room for most of a piece. It bounds how far deliveries are made ahead of
	// the sender: those that it has no room for are claimed one webhook at a time, which takes longer than to make them.
	noteRest = 20 * time.Millisecond
)

// queryTimeout bounds one question for notes.
const queryTimeout = 2 * time.Second

// fanOut is a note that deliveries of an event are still to be made.
type fanOut struct {
	Seq          int64 `gorm:"primaryKey;autoIncrement"`
	EventID      webhook.ID
	TenantID     webhook.ID
	CreatedAt    time.Time `gorm:"serializer:micros;autoCreateTime:false"` // the event's
	Size         int       // about how many deliveries are to be made
	AfterWebhook int64     // the webhooks' Seq up to which they have been
	LastWebhook  int64     // the Seq of the newest webhook when the event was published

	event *webhook.Event // while it is in memory; shared by all deliveries
	evict bool           // it is to make room for smaller ones
}

// TableName implements gorm's Tabler.
func (*fanOut) TableName() string { return "fanouts" }

// left is about how many deliveries are to be made still.
func (f *fanOut) left() int { return max(1, f.Size) }

// fanOutLater is a note for the event if its deliveries are to be made later; nil if they are to be made now.
func (b *batch) fanOutLater(in *incoming) *fanOut {
	if in.only != nil || in.cost > 0 && !in.later {
		return nil
	}
	e := &in.event
	n, newest := b.s.routes.matches(e.TenantID, e.Type)
	if n == 0 || !in.later && n <= fanOutAbove {
		return nil
	}
	return &fanOut{EventID: e.ID, TenantID: e.TenantID, CreatedAt: e.CreatedAt, Size: n, LastWebhook: newest}
}

// insertFanOuts stores notes beside their events.
func (b *batch) insertFanOuts(notes []*fanOut) error {
	if len(notes) == 0 {
		return nil
	}
	if err := b.DB.CreateInBatches(notes, 64).Error; err != nil {
		return fmt.Errorf("insert fan-outs: %w", err)
	}
	b.fanOuts = append(b.fanOuts, notes...)
	return nil
}

// piece is what one transaction does for a note.
type piece struct {
	*fanOut
	n int // deliveries at most

	after int64 // where the next piece begins
	made  int
	taken int  // of made: the sender has room for them
	done  bool // nothing is left, or the note is gone
	held  bool // another node has it, or has removed it
}

// makePieces makes the pieces' deliveries.
func (b *batch) makePieces() error {
	if len(b.pieces) == 0 {
		return nil
	}
	seqs := make([]int64, len(b.pieces))
	for i, p := range b.pieces {
		seqs[i] = p.Seq
	}
	rows, err := b.DB.Raw("SELECT seq, after_webhook FROM fanouts WHERE seq IN ?"+b.s.db.SkipLocked("fanouts"), seqs).Rows()
	if err != nil {
		return fmt.Errorf("read fan-outs: %w", err)
	}
	after, err := pairs(rows)
	if err != nil {
		return fmt.Errorf("read fan-outs: %w", err)
	}
	var claims []*Claimed
	var targets []*Target
	var done []int64
	for _, p := range b.pieces {
		if !p.start(after) {
			continue
		}
		targets = b.s.routes.after(targets[:0], p.TenantID, p.event.Type, p.after, p.LastWebhook, p.n)
		if p.done = len(targets) < p.n; p.done {
			done = append(done, p.Seq)
		} else {
			p.after = targets[len(targets)-1].Seq
		}
		p.made = len(targets)
		from := len(claims)
		for _, to := range targets {
			if to = b.target(to.ID); to != nil && to.DeletedAt == nil {
				claims = append(claims, b.delivery(p.event, to, webhook.TriggerSchedule))
			}
		}
		if b.s.fans.careful[p.Seq] {
			missing, err := b.missing(claims[from:])
			if err != nil {
				return err
			}
			claims = claims[:from+len(missing)]
		}
	}
	reserved := len(b.reserved)
	if err := b.insertDeliveries(claims); err != nil {
		return err
	}
	taken := map[*webhook.Event]int{}
	for _, claimed := range b.reserved[reserved:] {
		taken[claimed.Event]++
	}
	for _, p := range b.pieces {
		p.taken = taken[p.event]
	}
	return b.moveNotes(done)
}

// start finds where the note is, and reports whether it is this transaction's.
func (p *piece) start(after map[int64]int64) bool {
	at, ok := after[p.Seq]
	p.after, p.made, p.done, p.held = at, 0, false, !ok
	return ok
}

// moveNotes writes down how far the pieces have come.
func (b *batch) moveNotes(done []int64) error {
	if len(done) > 0 {
		if err := b.DB.Exec("DELETE FROM fanouts WHERE seq IN ?", done).Error; err != nil {
			return fmt.Errorf("end fan-outs: %w", err)
		}
	}
	for _, p := range b.pieces {
		if p.done || p.held {
			continue
		}
		if err := b.DB.Exec("UPDATE fanouts SET after_webhook = ?, size = ? WHERE seq = ?", p.after, max(1, p.Size-p.made), p.Seq).Error; err != nil {
			return fmt.Errorf("move fan-out: %w", err)
		}
	}
	return nil
}

// missing leaves out deliveries that are there already, whoever made them.
func (b *batch) missing(claims []*Claimed) ([]*Claimed, error) {
	kept := claims[:0]
	for _, claimed := range claims {
		var n int64
		if err := b.DB.Raw("SELECT COUNT(*) FROM deliveries WHERE event_id = ? AND webhook_id = ?", claimed.Event.ID, claimed.Target.ID).Scan(&n).Error; err != nil {
			return nil, fmt.Errorf("look for a delivery: %w", err)
		}
		if n == 0 {
			kept = append(kept, claimed)
		}
	}
	return kept, nil
}

// pairs reads rows of two numbers.
func pairs(rows *sql.Rows) (map[int64]int64, error) {
	defer func() { _ = rows.Close() }()
	found := map[int64]int64{}
	for rows.Next() {
		var k, v int64
		if err := rows.Scan(&k, &v); err != nil {
			return nil, err
		}
		found[k] = v
	}
	return found, rows.Err()
}

// fanOuts are the notes in memory, from where the writer takes them: tenants in turn, and each tenant's in turn.
type fanOuts struct {
	s     *Store
	ready chan struct{} // holds one signal while a note waits for the writer
	wake  chan struct{} // holds one signal: there may be more to read

	// Notes of which a piece has failed: the next ones look for deliveries that are there already. Of the writer's goroutine only.
	careful map[int64]bool

	mu      sync.Mutex // guards what follows
	active  map[int64]*fanOut
	waiting []*fanLine // for the writer, in the order of their turns
	count   map[webhook.ID]int
	bytes   int                 // of active ones' data
	more    map[webhook.ID]bool // tenants that may have notes that are not active; true: look at once
	loading bool                // some of a tenant's are being read
	crowded bool                // there was no room for a tenant's first
	missed  int                 // counts: a piece was put aside, so find must be called
	found   int                 // missed before the last find that has ended
}

// fanLine is a tenant's notes that wait for the writer.
type fanLine struct {
	tenant webhook.ID
	notes  []*fanOut
}

func newFanOuts(s *Store) *fanOuts {
	missed := 1 // what an earlier process has left
	if s.opts.Shared {
		missed = 0 // a server works on notes
	}
	return &fanOuts{
		missed: missed,
		s:      s, ready: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		careful: map[int64]bool{}, active: map[int64]*fanOut{}, count: map[webhook.ID]int{}, more: map[webhook.ID]bool{},
	}
}

// waits reports whether a note waits for the writer.
func (f *fanOuts) waits() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.waiting) > 0
}

// share is what of limit is kept for notes that wait.
func (f *fanOuts) share(limit int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.waiting) == 0 {
		return 0
	}
	return limit / 4
}

// fill gives the batch pieces of notes that wait, up to about limit.
func (f *fanOuts) fill(b *batch, limit int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.s.quit.Err() != nil {
		return // the next start goes on
	}
	room := limit - b.cost
	var taken []*fanOut
	for most := min(notesInBatch, max(1, room/minPiece)); room > 0 && len(taken) < most && len(f.waiting) > 0; {
		l := f.waiting[0]
		f.waiting = f.waiting[1:]
		taken = append(taken, l.notes[0])
		if l.notes = l.notes[1:]; len(l.notes) > 0 {
			f.waiting = append(f.waiting, l)
		}
	}
	// The small ones first: what they do not use is the others'.
	slices.SortFunc(taken, func(a, b *fanOut) int { return a.left() - b.left() })
	for i, note := range taken {
		n := max(minPiece, (limit-b.cost)/(len(taken)-i))
		n = min(n, note.left()+minPiece) // a few more than are left tell that it is the end
		b.pieces = append(b.pieces, &piece{fanOut: note, n: n})
		b.cost += n + 1
	}
	if len(f.waiting) > 0 {
		dialect.Signal(f.ready)
	}
}

// put has the note wait for the writer, at the end of its tenant's. The caller must hold mu.
func (f *fanOuts) put(note *fanOut) {
	dialect.Signal(f.ready)
	for _, l := range f.waiting {
		if l.tenant == note.TenantID {
			l.notes = append(l.notes, note)
			return
		}
	}
	f.waiting = append(f.waiting, &fanLine{tenant: note.TenantID, notes: []*fanOut{note}})
}

// drop forgets a note that is in no line. The caller must hold mu.
func (f *fanOuts) drop(note *fanOut) {
	delete(f.active, note.Seq)
	f.bytes -= len(note.event.Data)
	if f.count[note.TenantID]--; f.count[note.TenantID] == 0 {
		delete(f.count, note.TenantID)
	}
	if len(f.more) > 0 || f.crowded {
		dialect.Signal(f.wake)
	}
}

// committed takes back the notes of pieces that are in the database.
func (f *fanOuts) committed(pieces []*piece) {
	if len(pieces) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range pieces {
		note := p.fanOut
		switch {
		case p.held || p.done:
			delete(f.careful, note.Seq)
			f.drop(note)
			if p.held {
				f.missed++
				dialect.Signal(f.wake)
			}
		default:
			note.AfterWebhook, note.Size = p.after, max(1, note.Size-p.made)
			switch {
			case note.evict || f.crowded:
				f.more[note.TenantID] = true
				f.drop(note)
			case 2*p.taken < p.made:
				time.AfterFunc(noteRest, func() { f.rested(note) })
			default:
				f.put(note)
			}
		}
	}
}

// rested has a note wait for the writer again.
func (f *fanOuts) rested(note *fanOut) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.put(note)
}

// refused puts aside the notes of pieces that could not be written; they are read again after a while.
func (f *fanOuts) refused(pieces []*piece) {
	if len(pieces) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.missed++
	dialect.Signal(f.wake)
	for _, p := range pieces {
		f.careful[p.Seq] = true
		f.drop(p.fanOut)
	}
}

// noted is told of notes that are in the database.
func (f *fanOuts) noted(notes []*fanOut) {
	if len(notes) == 0 || f.s.opts.Shared {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	smallest := map[webhook.ID]*fanOut{}
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

// mayHaveMore has the tenant's notes be looked for when there is room for them. The caller must hold mu.
func (f *fanOuts) mayHaveMore(tenant webhook.ID) {
	if _, known := f.more[tenant]; !known {
		f.more[tenant] = false
	}
}

// makeRoom has the largest of the tenant's notes give way when a much smaller one comes and there is no room. The caller must
// hold mu.
func (f *fanOuts) makeRoom(n *fanOut) {
	if f.count[n.TenantID] < notesEach {
		return
	}
	var largest *fanOut
	for _, o := range f.active {
		if o.TenantID != n.TenantID {
			continue
		}
		if o.evict {
			return // one does already
		}
		if largest == nil || o.left() > largest.left() {
			largest = o
		}
	}
	if largest != nil && n.left() < largest.left()/2 {
		largest.evict = true
	}
}

// pending reports whether there is anything to be done that this process knows of.
func (f *fanOuts) pending() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.loading || len(f.active) > 0 || len(f.more) > 0 || f.missed != f.found
}

// run reads notes into memory until ctx ends: those that are there at the start, those that it is told of, those that look finds, and
// soon again those that were put aside.
func (f *fanOuts) run(ctx context.Context) {
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
func (f *fanOuts) again() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.missed != f.found
}

// find looks whose notes there are.
func (f *fanOuts) find(ctx context.Context) error {
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

func (f *fanOuts) unread(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	f.s.log.WarnContext(ctx, "large fan-outs cannot be read yet", slog.Any("error", err))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.missed++
}

// query is the time that one question has. It is not cut short when the store closes, which waits for it: PostgreSQL would go on with
// a question whose connection is gone.
func (f *fanOuts) query(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), queryTimeout)
}

// row asks past GORM: what the server does for itself is no statement of a Scope's.
func (f *fanOuts) row(ctx context.Context, into []any, text string, args ...any) error {
	ctx, cancel := f.query(ctx)
	defer cancel()
	pool, err := f.s.read.DB()
	if err != nil {
		return err
	}
	return pool.QueryRowContext(ctx, text, args...).Scan(into...)
}

// load reads notes of tenants that have room for some.
func (f *fanOuts) load(ctx context.Context) {
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

// wants is a tenant that may have more notes, and has room for them: at best one that has none in memory.
func (f *fanOuts) wants() (tenant webhook.ID, ok bool) {
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
func (f *fanOuts) loadTenant(ctx context.Context, tenant webhook.ID) error {
	f.mu.Lock()
	delete(f.more, tenant) // what is committed from now on is told again
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
		for _, list := range [][]*fanOut{smallest, oldest} {
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

func (f *fanOuts) notes(ctx context.Context, tenant webhook.ID, order string, limit int) ([]*fanOut, error) {
	ctx, cancel := f.query(ctx)
	defer cancel()
	pool, err := f.s.read.DB()
	if err != nil {
		return nil, err
	}
	rows, err := pool.QueryContext(ctx, "SELECT seq, event_id, size, after_webhook, last_webhook FROM fanouts WHERE tenant_id = $1 ORDER BY "+order+" LIMIT $2", tenant, limit) //nolint:gosec // order is one of two texts of this package
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var list []*fanOut
	for rows.Next() {
		n := &fanOut{TenantID: tenant}
		if err := rows.Scan(&n.Seq, &n.EventID, &n.Size, &n.AfterWebhook, &n.LastWebhook); err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, rows.Err()
}

// add reads the note's event and has it wait for the writer, unless it does already.
func (f *fanOuts) add(ctx context.Context, note *fanOut) (added bool, err error) {
	f.mu.Lock()
	known := f.active[note.Seq] != nil || f.bytes >= noteBytes
	f.mu.Unlock()
	if known {
		return false, nil
	}
	e := &webhook.Event{ID: note.EventID, TenantID: note.TenantID}
	var happened, published dialect.Micros
	err = f.row(ctx, []any{&e.Seq, &e.Type, &happened, &published, &e.Data},
		"SELECT seq, type, timestamp, created_at, data FROM events WHERE id = $1", note.EventID)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil // it was removed meanwhile, with its note
	}
	if err != nil {
		return false, err
	}
	e.Timestamp, e.CreatedAt = happened.Time(), published.Time()
	note.event = e
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active[note.Seq] = note
	f.count[note.TenantID]++
	f.bytes += len(e.Data)
	f.put(note)
	return true, nil
}
