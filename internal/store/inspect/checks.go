package inspect

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/ordering"
	"github.com/hookgraph/hookgraph/internal/store/statistics"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// files has the database check itself.
func (l *look) files() (found []Problem, err error) {
	if large, err := l.large("deliveries"); err != nil || large {
		return nil, err
	}
	wrong, err := l.DB.Damage(l.db)
	for _, text := range wrong {
		found = append(found, Problem{Text: text, Advice: restore})
	}
	return shown(found), err
}

// keys finds what is sealed by keys that are not given. The row of store names the key that seals.
func (l *look) keys() (found []Problem, err error) {
	names := []string{"store"}
	for t := range dialect.TablesThat((*dialect.Table).IsSealed) {
		names = append(names, t.Name)
	}
	for _, name := range names {
		var rows []struct {
			KeyID string
			N     int64
		}
		if err := l.db.Raw("SELECT key_id, COUNT(*) AS n FROM " + name + " WHERE key_id IS NOT NULL GROUP BY key_id ORDER BY key_id").Scan(&rows).Error; err != nil {
			return found, err
		}
		for _, row := range rows {
			if err := l.Key(row.KeyID); err != nil {
				found = append(found, Problem{
					Text:   fmt.Sprintf("%s: rows sealed by a missing key: %d (%v)", name, row.N, err),
					Advice: "put the key back from a backup, or give it in HOOKGRAPH_MASTER_KEY",
				})
			}
		}
	}
	return shown(found), nil
}

// reference is a column of a table with ids of another table's rows.
type reference struct {
	table, column, parent string
	sameDay               bool // both rows are in the same partition
	numbered              bool // the table has a seq
}

// references are those that the tables declare.
func references() (all []reference) {
	seen := 0
	for t := range dialect.TablesThat((*dialect.Table).Owned) {
		if t.Whose != dialect.OfItself && !t.Outlives {
			all = append(all, reference{table: t.Name, column: t.Owner, parent: "tenants"})
		}
		switch {
		case t.Below != nil:
			all = append(all, reference{table: t.Name, column: t.Parent, parent: t.Below.Name, sameDay: true})
		case t.Event == "event_id":
			all = append(all, reference{table: t.Name, column: t.Event, parent: dialect.EventsTable.Name})
		}
		if t.Webhook != "" {
			all = append(all, reference{table: t.Name, column: t.Webhook, parent: "webhooks"})
		}
		if t == dialect.DeliveriesTable {
			all = append(all, reference{table: t.Name, column: "webhook_id", parent: "webhooks"})
		}
		for ; seen < len(all); seen++ {
			all[seen].numbered = t.Key == "seq"
		}
	}
	return all
}

// parents finds rows whose parents do not exist. Whoever removes rows removes their children before, or in the same transaction.
func (l *look) parents() (found []Problem, err error) {
	for _, r := range references() {
		missing, err := l.orphans(r)
		if len(missing) > 0 {
			found = append(found, Problem{
				Text:   fmt.Sprintf("%s: the %s of rows is not in %s: %s", r.table, r.column, r.parent, examples(missing)),
				Advice: restore + "; " + report,
			})
		}
		if err != nil {
			return found, fmt.Errorf("%s of %s: %w", r.column, r.table, err)
		}
	}
	return found, nil
}

// orphans are the references of rows to a parent that does not exist.
func (l *look) orphans(r reference) (missing []webhook.ID, err error) {
	day := ""
	if r.sameDay {
		day = l.DB.SameDay("p", "c")
	}
	text := "SELECT c." + r.column + " FROM " + r.table + " c WHERE c." + r.column + " IS NOT NULL AND NOT EXISTS (SELECT 1 FROM " + r.parent + " p WHERE p.id = c." + r.column + day + ")"
	if !r.numbered {
		return missing, l.db.Raw(text+" LIMIT ?", mostIDs+1).Scan(&missing).Error
	}
	err = l.windows(r.table, func(from, to int64) error {
		if len(missing) > mostIDs {
			return nil
		}
		var ids []webhook.ID
		err := l.db.Raw(text+" AND c.seq > ? AND c.seq <= ? LIMIT ?", from, to, mostIDs+1).Scan(&ids).Error
		missing = append(missing, ids...)
		return err
	})
	return missing[:min(len(missing), mostIDs+1)], err
}

// counted is a delivery, with the number of its attempts according to itself, and what is stored.
type counted struct {
	ID                      webhook.ID
	Attempts, Stored, Count int64
}

// countedWhere selects deliveries whose attempts are not numbered from 1 to their number.
const countedWhere = " AND (d.attempt_count <> (SELECT COUNT(*) FROM attempts a WHERE a.delivery_id = d.id%[1]s) OR d.attempt_count <> COALESCE((SELECT MAX(a.number) FROM attempts a WHERE a.delivery_id = d.id%[1]s), 0))"

// numbering finds deliveries whose attempts have gaps. Retention removes an event with very many attempts in pieces, so what is found is looked
// at a second time, and counts if nobody removes it.
func (l *look) numbering() ([]Problem, error) {
	wrong := fmt.Sprintf(countedWhere, l.DB.SameDay("a", "d"))
	var ids []webhook.ID
	err := l.windows("deliveries", func(from, to int64) error {
		if len(ids) > mostIDs {
			return nil
		}
		var some []webhook.ID
		err := l.db.Raw("SELECT d.id FROM deliveries d WHERE d.seq > ? AND d.seq <= ?"+wrong+" LIMIT ?", from, to, mostIDs+1).Scan(&some).Error
		ids = append(ids, some...)
		return err
	})
	if len(ids) == 0 {
		return nil, err
	}
	first, failed := l.counted(ids)
	if err = errors.Join(err, failed); err != nil {
		return nil, err
	}
	select {
	case <-time.After(removalPause):
	case <-l.ctx.Done():
		return nil, l.ctx.Err()
	}
	second, err := l.counted(ids)
	var still []webhook.ID
	for id, now := range second {
		if now == first[id] {
			still = append(still, id)
		}
	}
	if err != nil || len(still) == 0 {
		return nil, err
	}
	slices.SortFunc(still, func(a, b webhook.ID) int { return bytes.Compare(a[:], b[:]) })
	return []Problem{{Text: "deliveries have attempts that are not numbered from 1 to their number: " + examples(still), Advice: restore + "; " + report}}, nil
}

// removalPause is longer than a server takes to remove the next piece of an event.
const removalPause = time.Second

// counted counts the attempts of deliveries of tenants that are not being deleted.
func (l *look) counted(ids []webhook.ID) (map[webhook.ID]counted, error) {
	all := map[webhook.ID]counted{}
	for some := range slices.Chunk(ids, 500) {
		among, arg := l.DB.AmongIDs("d.id", some)
		var rows []counted
		err := l.db.Raw("SELECT d.id, d.attempt_count AS attempts, COUNT(a.number) AS count, COALESCE(MAX(a.number), 0) AS stored FROM deliveries d JOIN tenants t ON t.id = d.tenant_id AND t.deleted_at IS NULL LEFT JOIN attempts a ON a.delivery_id = d.id"+
			l.DB.SameDay("a", "d")+" WHERE "+among+" GROUP BY d.id, d.attempt_count", arg).Scan(&rows).Error
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if row.Attempts != row.Count || row.Attempts != row.Stored {
				all[row.ID] = row
			}
		}
	}
	return all, nil
}

// settings asks the database which of its settings are wrong for a server.
func (l *look) settings() (found []Problem, err error) {
	doubts, err := l.DB.Doubts(l.ctx, l.Read)
	for _, d := range doubts {
		found = append(found, Problem{Text: d.Text, Advice: d.Advice, Minor: d.Minor})
	}
	return found, err
}

// sealed opens what is sealed.
func (l *look) sealed() (found []Problem, err error) {
	for t := range dialect.TablesThat((*dialect.Table).IsSealed) {
		looked, broken, err := l.Opens(l.db, t.Name, l.Rows)
		if err != nil {
			return found, err
		}
		if l.Rows > 0 && looked >= l.Rows {
			l.cut = append(l.cut, fmt.Sprintf("rows of %s beyond %d", t.Name, looked))
		}
		if len(broken) > 0 {
			found = append(found, Problem{
				Text:   fmt.Sprintf("%s: values that their key does not open: %d of %d, such as that of %s", t.Name, len(broken), looked, broken[0]),
				Advice: restore + ", or delete the webhook and register it again",
			})
		}
	}
	return found, nil
}

// Clocks that differ by more than WarnSkew are worth a look; by more than maxSkew, receivers refuse what is sent (Standard Webhooks allows 5 minutes).
const (
	WarnSkew = 5 * time.Second
	maxSkew  = 5 * time.Minute
)

// clock compares the clock with the database's, or with the newest rows if the database has none.
func (l *look) clock() ([]Problem, error) {
	if l.db.Name() == "postgres" {
		var micros int64
		before := l.Now()
		if err := l.db.Raw("SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint").Scan(&micros).Error; err != nil {
			return nil, err
		}
		is, after := time.UnixMicro(micros), l.Now()
		switch { // the answer may have taken long
		case is.After(after):
			return skewed(is.Sub(after), "the database's clock is %v ahead of this host's"), nil
		case before.After(is):
			return skewed(before.Sub(is), "this host's clock is %v ahead of the database's"), nil
		}
		return nil, nil
	}
	var newest *int64
	err := l.db.Raw(`SELECT MAX(at) FROM (SELECT (SELECT created_at FROM events ORDER BY seq DESC LIMIT 1) AS at
		UNION ALL SELECT (SELECT started_at FROM attempts ORDER BY seq DESC LIMIT 1) UNION ALL SELECT (SELECT started_at FROM starts ORDER BY seq DESC LIMIT 1))`).Scan(&newest).Error
	if err != nil || newest == nil {
		return nil, err
	}
	return skewed(time.UnixMicro(*newest).Sub(l.Now()), "the newest row was written %v in the future of this host's clock"), nil
}

func skewed(by time.Duration, text string) []Problem {
	if by < WarnSkew {
		return nil
	}
	return []Problem{{Text: fmt.Sprintf(text, by.Round(time.Second)), Advice: "synchronize the clocks of this host and of the database (NTP)", Minor: by < maxSkew}}
}

// ended finds deliveries that have ended and would be attempted all the same.
func (l *look) ended() ([]Problem, error) {
	var ids []webhook.ID
	if err := l.db.Raw("SELECT id FROM deliveries WHERE due_at IS NOT NULL AND status <> 'PENDING' LIMIT ?", mostIDs+1).Scan(&ids).Error; err != nil || len(ids) == 0 {
		return nil, err
	}
	return []Problem{{Text: "deliveries have ended, and are due: " + examples(ids), Advice: report}}, nil
}

// Stuck reads pending deliveries that are neither due nor claimed, nor wait in line: nobody will ever attempt them.
func Stuck(db *gorm.DB) (ids []webhook.ID, err error) {
	err = db.Raw(stuckIDs+" LIMIT ?", mostIDs+1).Scan(&ids).Error
	return ids, err
}

const stuckIDs = "SELECT id FROM deliveries WHERE status = 'PENDING' AND due_at IS NULL AND claimed_by IS NULL AND (place IS NULL OR place = 0)"

func (l *look) stuck() ([]Problem, error) {
	var ids []webhook.ID
	err := l.windows("deliveries", func(from, to int64) error {
		if len(ids) > mostIDs {
			return nil
		}
		var some []webhook.ID
		err := l.db.Raw(stuckIDs+" AND seq > ? AND seq <= ? LIMIT ?", from, to, mostIDs+1).Scan(&some).Error
		ids = append(ids, some...)
		return err
	})
	if len(ids) == 0 {
		return nil, err
	}
	return []Problem{{
		Text:   "deliveries are pending, and neither due nor claimed, and wait for no other, so that nobody attempts them: " + examples(ids[:min(len(ids), mostIDs+1)]),
		Advice: "cancel them, and retry them (cancelDelivery, retryDelivery); " + report,
	}}, err
}

// filtersAtOnce is how many webhooks with a filter one statement reads.
const filtersAtOnce = 500

// filters finds stored filters that this version does not accept.
func (l *look) filters() ([]Problem, error) {
	var ids []webhook.ID
	for after, looked := int64(0), 0; ; looked += filtersAtOnce {
		if l.Rows > 0 && looked >= l.Rows {
			l.cut = append(l.cut, fmt.Sprintf("webhooks beyond the first %d with a filter", looked))
			break
		}
		var found []webhook.Webhook
		err := l.db.Raw("SELECT seq, id, filter FROM webhooks WHERE seq > ? AND filter IS NOT NULL AND deleted_at IS NULL ORDER BY seq LIMIT ?", after, filtersAtOnce).Scan(&found).Error
		if err != nil {
			return nil, err
		}
		for n := range found {
			to := dialect.Target{Webhook: found[n]}
			if after = to.Seq; to.Compile() != nil {
				ids = append(ids, to.ID)
			}
		}
		if len(found) < filtersAtOnce || len(ids) > mostIDs {
			break
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return []Problem{{
		Text:   "webhooks have a filter that is not valid in this version, so that they get no events: " + examples(ids[:min(len(ids), mostIDs+1)]),
		Advice: "set their filters again (updateWebhook); a replay of kind MISSING sends what they did not get",
	}}, nil
}

// linesAtOnce is how many lines one statement looks at.
const linesAtOnce = 500

// lines finds lines of deliveries with an ordering key that do not go on.
func (l *look) lines() ([]Problem, error) {
	stalled := 0
	for after, more, looked := (webhook.ID{}), true, 0; more; looked += linesAtOnce {
		if l.Rows > 0 && looked >= l.Rows {
			l.cut = append(l.cut, fmt.Sprintf("ordering keys beyond the first %d", looked))
			break
		}
		found, err := ordering.Lines(l.db, after, linesAtOnce)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if after = f.Line; !f.Goes {
				stalled++
			}
		}
		more = len(found) == linesAtOnce
	}
	if stalled == 0 {
		return nil, nil
	}
	return []Problem{{
		Text:   fmt.Sprintf("deliveries of %d ordering keys wait for none that is being sent", stalled),
		Advice: "start a server, which mends that within a minute, and run this again; " + report,
	}}, nil
}

// backlog compares the number of waiting deliveries of each webhook with that of statistics.
func (l *look) backlog() (found []Problem, err error) {
	wrong, err := statistics.Check(l.db, l.DB)
	for _, m := range wrong {
		found = append(found, Problem{
			Text:   fmt.Sprintf("webhook %s of tenant %s has %d deliveries that are pending or held, statistics have %d", m.Webhook, m.Tenant, m.Waiting, m.Gauge),
			Advice: "run hookgraph doctor --fix",
		})
	}
	return shown(found), err
}

// mostJournal is a number of journal rows that a server which folds stays far below, and up to which reads decode them.
const mostJournal = 20_000

func (l *look) journal() ([]Problem, error) {
	var rows int64
	if err := l.db.Raw("SELECT COUNT(*) FROM (SELECT 1 FROM stats_journal LIMIT ?) AS j", mostJournal).Scan(&rows).Error; err != nil || rows < mostJournal {
		return nil, err
	}
	return []Problem{{
		Text:   fmt.Sprintf("%d rows or more wait to be folded, so statistics are behind", mostJournal),
		Advice: "start a server, and look for errors of the task \"statistics\" in its log",
	}}, nil
}

// stored is how many deliveries of a webhook are stored, and how many of them ended in each way.
type stored struct {
	id webhook.ID
	n  map[stats.Counter]int64
}

var endings = map[webhook.DeliveryStatus]stats.Counter{
	webhook.DeliverySucceeded: stats.Succeeded, webhook.DeliveryFailed: stats.Failed, webhook.Canceled: stats.Canceled,
}

// statistics finds webhooks of which statistics have counted fewer deliveries than are stored. They may have counted more: deliveries that
// retention has removed, and those that ended several times.
func (l *look) statistics() (found []Problem, err error) {
	if large, err := l.large("deliveries"); err != nil || large {
		return nil, err
	}
	const day = 24 * time.Hour
	since := l.Now().Add(-l.StatsRetention).Add(2 * day)
	have, err := l.stored(since)
	if err != nil {
		return nil, err
	}
	// Read afterwards: what is stored then was counted with it.
	q := statistics.Query{By: statistics.ByWebhook, From: since.Add(-day).Truncate(day).Unix() / 60, To: l.Now().Add(2*day).Truncate(day).Unix() / 60}
	counted, err := statistics.Read(l.db, l.DB, nil, q)
	if err != nil {
		return nil, err
	}
	if !counted.AsOf.IsZero() {
		return nil, nil // the journal is too long, which its own check finds
	}
	names := map[stats.Counter]string{stats.Owed: "", stats.Succeeded: " as succeeded", stats.Failed: " as failed", stats.Canceled: " as canceled"}
	for seq, is := range have {
		for counter, n := range is.n {
			of := counted.Groups[statistics.Group{Webhook: seq}][0]
			if of == nil {
				of = &stats.Counts{}
			}
			if of.Get(counter) < n {
				found = append(found, Problem{
					Text:   fmt.Sprintf("webhook %s: statistics have counted %d deliveries%s, and %d are stored", is.id, of.Get(counter), names[counter], n),
					Advice: "the numbers of that time stay too low; " + restore,
				})
			}
		}
	}
	slices.SortFunc(found, func(a, b Problem) int { return cmp.Compare(a.Text, b.Text) })
	return shown(found), nil
}

// stored counts the deliveries that were created since then, by the seq of their webhooks.
func (l *look) stored(since time.Time) (map[int64]*stored, error) {
	var rows []struct {
		Seq    int64
		ID     webhook.ID
		Status webhook.DeliveryStatus
		N      int64
	}
	err := l.db.Raw(`SELECT w.seq, w.id, d.status, COUNT(*) AS n FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id
		JOIN tenants t ON t.id = w.tenant_id AND t.deleted_at IS NULL WHERE d.created_at >= ? GROUP BY w.seq, w.id, d.status`, dialect.At(since)).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	all := map[int64]*stored{}
	for _, row := range rows {
		is := all[row.Seq]
		if is == nil {
			is = &stored{row.ID, map[stats.Counter]int64{}}
			all[row.Seq] = is
		}
		is.n[stats.Owed] += row.N
		if ending, ok := endings[row.Status]; ok {
			is.n[ending] += row.N
		}
	}
	return all, nil
}
