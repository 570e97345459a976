package replay

import (
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Bounds of how far a replay goes ahead of what is sent.
const (
	// StepRows is how many deliveries one step makes due at most.
	StepRows = 500
	// aheadSeconds of its rate, or aheadWithout deliveries without one, may wait to be sent, so that a pause or another rate acts soon.
	aheadSeconds = 2
	aheadWithout = 2000
	// aheadShare is the part of that that one webhook counts for at most, so that one that is slow or dead does not hold up the others, and
	// aheadMost is how many of all may wait then.
	aheadShare = 8
	aheadMost  = 20_000
	// perSecond is how many steps a second a replay with a rate makes, if that is enough.
	perSecond = 20
)

// Pace is how fast a replay goes. The zero value may do nothing yet.
type Pace struct {
	rate   int // as of which the tokens are
	tokens float64
	at     time.Time
}

// Allowed is how many deliveries may be made due now, if so many wait to be sent, by webhook. It is 0, or enough for a step to be worth it.
func (p *Pace) Allowed(rate *int, waiting map[webhook.ID]int, now time.Time) int {
	limit := aheadWithout
	if rate != nil {
		limit = aheadSeconds * *rate
	}
	each := max(limit/aheadShare, 1)
	ahead, all := 0, 0
	for _, n := range waiting {
		ahead += min(n, each)
		all += n
	}
	room := min(limit-ahead, aheadMost-all, StepRows)
	if rate == nil {
		*p = Pace{}
		if room < min(StepRows, limit)/4 { // small steps cost as much as large ones
			return 0
		}
		return room
	}
	step := min(max(*rate/perSecond, 1), StepRows)
	if p.rate != *rate {
		*p = Pace{rate: *rate, at: now}
	}
	p.tokens = min(p.tokens+now.Sub(p.at).Seconds()*float64(*rate), float64(2*step))
	p.at = now
	if p.tokens < float64(step) || room <= 0 {
		return 0
	}
	return min(step, room)
}

// Took notes that so many were made due.
func (p *Pace) Took(n int) { p.tokens -= float64(n) }

// pace moves on what a replay's pace counts from, with the parameters of paced: to the middle of the time since, when that is long. It belongs into
// each statement that counts what was sent or skipped. What is ahead of the clock, because that was set back, begins again.
const pace = `pace_since = CASE WHEN COALESCE(pace_since, created_at) > CAST(? AS timestamptz) THEN CAST(? AS timestamptz)
	WHEN COALESCE(pace_since, created_at) > CAST(? AS timestamptz) THEN pace_since
	ELSE COALESCE(pace_since, created_at) + (CAST(? AS timestamptz) - COALESCE(pace_since, created_at)) / 2 END,
	pace_done = CASE WHEN COALESCE(pace_since, created_at) > CAST(? AS timestamptz) THEN started + skipped
	WHEN COALESCE(pace_since, created_at) > CAST(? AS timestamptz) THEN pace_done
	ELSE pace_done + (started + skipped - pace_done) / 2 END`

// paced are the parameters of pace.
func paced(b *dialect.Tx) []any {
	now, recent := dialect.At(b.Now), dialect.At(b.Now.Add(-webhook.PaceWindow))
	return []any{now, now, recent, now, now, recent}
}

// Waiting is how many deliveries of the replay wait to be sent, or are being sent, by webhook.
func Waiting(read *gorm.DB, r *webhook.Replay) (map[webhook.ID]int, error) {
	var rows []struct {
		WebhookID webhook.ID
		N         int
	}
	err := read.Raw("SELECT webhook_id, COUNT(*) AS n FROM replay_queue WHERE replay_id = ? AND parked = ? GROUP BY webhook_id", r.ID, false).Scan(&rows).Error
	waiting := make(map[webhook.ID]int, len(rows))
	for _, row := range rows {
		waiting[row.WebhookID] = row.N
	}
	return waiting, dialect.Unavailable(err)
}

// openMost is how many replays Open reads of each kind: their filters may be large.
const openMost = 64

// Open reads replays that have work to do, of tenants that are not deleted, the oldest first: those of which something is put back, and those
// that go on, after a Seq.
func Open(read *gorm.DB, after int64) (back, on []*webhook.Replay, err error) {
	const some = `SELECT r.* FROM replays r JOIN tenants t ON t.id = r.tenant_id WHERE r.completed_at IS NULL AND t.deleted_at IS NULL AND `
	err = read.Raw(some+`(r.status = 'CANCELING' OR r.status = 'PAUSED' AND EXISTS
		(SELECT 1 FROM replay_queue q WHERE q.replay_id = r.id AND q.parked = ?)) ORDER BY r.seq LIMIT ?`, false, openMost).Scan(&back).Error
	if err == nil {
		err = read.Raw(some+"r.status IN ('QUEUED', 'RUNNING') AND r.seq > ? ORDER BY r.seq LIMIT ?", after, openMost).Scan(&on).Error
	}
	return back, on, dialect.Unavailable(err)
}
