package webhook

import (
	"encoding/json"
	"time"
	"unicode/utf8"
)

// Replay is a stored job that sends deliveries again. A delivery that it has come to (Matched) waits to be sent, was sent (Started), or
// was Skipped; one that was started succeeds, fails, or is being retried. Of kind CANCEL, those Started were canceled.
type Replay struct {
	Seq           int64 `gorm:"primaryKey;autoIncrement"` // order of creation; inside the server only
	ID            ID
	TenantID      ID
	Kind          ReplayKind
	Filter        string // JSON; the store reads it
	Note          string
	RatePerSecond *int `gorm:"column:rate"` // nil: as fast as deliveries are sent
	Status        ReplayStatus
	FailureReason *string // why it is FAILED
	Cursor        int64   // the Seq of the last delivery that it has looked at
	UntilSeq      int64   // of the last one that it is to look at
	// Total is how many deliveries matched when it was created, and how many more it has found: at least Matched, and that when it is
	// COMPLETED; nil until then if they were too many to count.
	Total          *int
	Matched        int
	Started        int
	Succeeded      int        // of those started
	Failed         int        // of those started
	Skipped        int        // and, when it is COMPLETED, those of Total that it has not found
	PaceSince      *time.Time `gorm:"serializer:micros"` // its pace counts from then, some seconds ago; nil: from CreatedAt
	PaceDone       int        // and from so many sent or skipped
	CreatedAt      time.Time  `gorm:"serializer:micros;autoCreateTime:false"`
	CompletedAt    *time.Time `gorm:"serializer:micros"` // nil: it has work to do
	IdempotencyKey *string
	InputHash      []byte // of what was asked for
}

// Position is Seq: where lists have it.
func (r *Replay) Position() int64 { return r.Seq }

// Waiting is how many deliveries it has come to that were neither sent nor skipped. They wait, or it was canceled.
func (r *Replay) Waiting() int { return r.Matched - r.Started - r.Skipped }

// AuditFields are the replay's settings for the audit log, under the API's names.
func (r *Replay) AuditFields() []AuditField {
	var note any
	if r.Note != "" {
		note = r.Note
	}
	return []AuditField{{"kind", r.Kind}, {"filter", json.RawMessage(r.Filter)}, {"note", note}, {"ratePerSecond", r.RatePerSecond}, {"status", r.Status}}
}

// maxEstimate is the furthest estimate: a replay that was paused for weeks has hardly any pace, which says nothing.
const maxEstimate = 365 * 24 * time.Hour

// paceAfter is how long a replay with a rate goes on until its pace says more than its rate: it sends in steps, and attempts take their time.
const paceAfter = 10 * time.Second

// PaceWindow is how old what its pace counts from becomes while a replay goes on. It is then made half as old.
const PaceWindow = 2 * paceAfter

// Done is how many deliveries were sent or skipped.
func (r *Replay) Done() int { return r.Started + r.Skipped }

// BeginPace makes the replay's pace count from now.
func (r *Replay) BeginPace(now time.Time) { r.PaceSince, r.PaceDone = &now, r.Done() }

// EstimatedCompletionAt is when everything will be sent at the replay's pace, or at its rate if that is lower; nil when that is not known.
func (r *Replay) EstimatedCompletionAt(now time.Time) *time.Time {
	if r.Total == nil || r.CompletedAt != nil || r.Status != ReplayRunning && r.Status != ReplayQueued {
		return nil
	}
	since := r.CreatedAt
	if r.PaceSince != nil {
		since = *r.PaceSince
	}
	left := max(*r.Total-r.Done(), 0)
	pace, elapsed := 0.0, now.Sub(since)
	if sent := r.Done() - r.PaceDone; elapsed > 0 && sent > 0 {
		pace = float64(sent) / elapsed.Seconds()
	}
	if rate := r.RatePerSecond; rate != nil && (elapsed < paceAfter || pace > float64(*rate)) {
		pace = float64(*rate)
	}
	if pace == 0 || float64(left)/pace > maxEstimate.Seconds() {
		return nil
	}
	return new(now.Add(time.Duration(float64(left) / pace * float64(time.Second))))
}

// ReplayKind says which deliveries a replay sends.
type ReplayKind string

// The kinds.
const (
	ReplayFailed ReplayKind = "FAILED" // those that failed
	ReplayAll    ReplayKind = "ALL"    // those that are completed, however they ended
	// ReplayMissing makes and sends those that a webhook never had, of events that it would get.
	ReplayMissing ReplayKind = "MISSING"
	// ReplayCancel sends nothing: it cancels those that wait.
	ReplayCancel ReplayKind = "CANCEL"
)

// ReplayStatus is the state of a replay.
type ReplayStatus string

// The statuses. COMPLETED means that everything was sent; retries may go on.
const (
	ReplayQueued      ReplayStatus = "QUEUED"
	ReplayRunning     ReplayStatus = "RUNNING"
	ReplayPaused      ReplayStatus = "PAUSED"
	ReplayCanceling   ReplayStatus = "CANCELING"
	ReplayCanceled    ReplayStatus = "CANCELED"
	ReplayCompleted   ReplayStatus = "COMPLETED"
	ReplayStatusError ReplayStatus = "FAILED"
)

// ReplayPatch changes what is set.
type ReplayPatch struct {
	Paused        Opt[bool]
	RatePerSecond Opt[*int]
}

// Bounds of replays.
const (
	MaxReplayRate      = 100_000
	MaxReplayNoteBytes = 1000
	// MaxReplays is how many replays of a tenant may have work to do at a time.
	MaxReplays = 10
)

// CheckReplayRate refuses a rate that is out of bounds. Nil is none.
func CheckReplayRate(rate *int) error {
	if rate != nil && (*rate < 1 || *rate > MaxReplayRate) {
		return Invalidf("ratePerSecond", CodeOutOfRange, "must be from 1 to %d deliveries a second, or null for no limit", MaxReplayRate)
	}
	return nil
}

// NoReplayRate refuses a rate of a replay of kind CANCEL.
func NoReplayRate() error {
	return &Invalid{Field: "ratePerSecond", Code: CodeInvalid, Message: "has no effect on kind CANCEL, which sends nothing; leave it out"}
}

// CheckReplayNote refuses a note that is too long or cannot be stored.
func CheckReplayNote(note string) error {
	switch {
	case len(note) > MaxReplayNoteBytes:
		return Invalidf("note", CodeTooLong, "must be at most %d bytes long", MaxReplayNoteBytes)
	case !utf8.ValidString(note) || !IsText(note):
		return Invalidf("note", CodeInvalid, "must be text without NUL characters")
	}
	return nil
}

// CheckReplayKey refuses an idempotency key that is empty, too long or cannot be stored. Nil is none.
func CheckReplayKey(key *string) error {
	switch {
	case key == nil:
		return nil
	case *key == "":
		return NotEmpty("idempotencyKey", key)
	case len(*key) > MaxIdempotencyKeyBytes:
		return Invalidf("idempotencyKey", CodeTooLong, "must be at most %d bytes long", MaxIdempotencyKeyBytes)
	case !IsText(*key):
		return Invalidf("idempotencyKey", CodeInvalid, "must be text without NUL characters")
	}
	return nil
}
