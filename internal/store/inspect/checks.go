package inspect

import (
	"cmp"
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
func (i *Inspection) files(db *gorm.DB) (found []Problem, err error) {
	wrong, err := i.DB.Damage(db)
	for _, text := range wrong {
		found = append(found, Problem{text, restore})
	}
	return shown(found), err
}

// keys finds what is sealed by keys that are not given. The row of store names the key that seals.
func (i *Inspection) keys(db *gorm.DB) (found []Problem, err error) {
	names := []string{"store"}
	for t := range dialect.TablesThat((*dialect.Table).IsSealed) {
		names = append(names, t.Name)
	}
	for _, name := range names {
		var rows []struct {
			KeyID string
			N     int64
		}
		if err := db.Raw("SELECT key_id, COUNT(*) AS n FROM " + name + " WHERE key_id IS NOT NULL GROUP BY key_id ORDER BY key_id").Scan(&rows).Error; err != nil {
			return found, err
		}
		for _, row := range rows {
			if err := i.Key(row.KeyID); err != nil {
				found = append(found, Problem{
					fmt.Sprintf("%s: rows sealed by a missing key: %d (%v)", name, row.N, err),
					"put the key back from a backup, or give it in HOOKGRAPH_MASTER_KEY",
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
}

// references are those that the tables declare.
func references() (all []reference) {
	for t := range dialect.TablesThat((*dialect.Table).Owned) {
		if t.Whose != dialect.OfItself && !t.Outlives {
			all = append(all, reference{table: t.Name, column: t.Owner, parent: "tenants"})
		}
		switch {
		case t.Below != nil:
			all = append(all, reference{t.Name, t.Parent, t.Below.Name, true})
		case t.Event == "event_id":
			all = append(all, reference{table: t.Name, column: t.Event, parent: dialect.EventsTable.Name})
		}
		if t.Webhook != "" {
			all = append(all, reference{table: t.Name, column: t.Webhook, parent: "webhooks"})
		}
	}
	return append(all, reference{table: dialect.DeliveriesTable.Name, column: "webhook_id", parent: "webhooks"})
}

// parents finds rows whose parents do not exist. Whoever removes rows removes their children before, or in the same transaction.
func (i *Inspection) parents(db *gorm.DB) (found []Problem, err error) {
	for _, r := range references() {
		day := ""
		if r.sameDay {
			day = i.DB.SameDay("p", "c")
		}
		var missing []webhook.ID
		err := db.Raw("SELECT c."+r.column+" FROM "+r.table+" c WHERE c."+r.column+" IS NOT NULL AND NOT EXISTS (SELECT 1 FROM "+r.parent+" p WHERE p.id = c."+r.column+day+") LIMIT ?",
			mostIDs+1).Scan(&missing).Error
		if err != nil {
			return found, fmt.Errorf("%s of %s: %w", r.column, r.table, err)
		}
		if len(missing) > 0 {
			found = append(found, Problem{fmt.Sprintf("%s: the %s of rows is not in %s: %s", r.table, r.column, r.parent, examples(missing)), restore + "; " + report})
		}
	}
	return found, nil
}

// ended finds deliveries that have ended and would be attempted all the same.
func (i *Inspection) ended(db *gorm.DB) ([]Problem, error) {
	var ids []webhook.ID
	if err := db.Raw("SELECT id FROM deliveries WHERE due_at IS NOT NULL AND status <> 'PENDING' LIMIT ?", mostIDs+1).Scan(&ids).Error; err != nil || len(ids) == 0 {
		return nil, err
	}
	return []Problem{{"deliveries have ended, and are due: " + examples(ids), report}}, nil
}

// Stuck reads pending deliveries that are neither due nor claimed, nor wait in line: nobody will ever attempt them.
func Stuck(db *gorm.DB) (ids []webhook.ID, err error) {
	err = db.Raw("SELECT id FROM deliveries WHERE status = 'PENDING' AND due_at IS NULL AND claimed_by IS NULL AND (place IS NULL OR place = 0) LIMIT ?", mostIDs+1).Scan(&ids).Error
	return ids, err
}

func (i *Inspection) stuck(db *gorm.DB) ([]Problem, error) {
	ids, err := Stuck(db)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return []Problem{{"deliveries are pending, and neither due nor claimed, and wait for no other, so that nobody attempts them: " + examples(ids), "cancel them, and retry them (cancelDelivery, retryDelivery); " + report}}, nil
}

// filtersAtOnce is how many webhooks with a filter one statement reads.
const filtersAtOnce = 500

// filters finds stored filters that this version does not accept.
func (i *Inspection) filters(db *gorm.DB) ([]Problem, error) {
	var ids []webhook.ID
	for after := int64(0); ; {
		var found []webhook.Webhook
		err := db.Raw("SELECT seq, id, filter FROM webhooks WHERE seq > ? AND filter IS NOT NULL AND deleted_at IS NULL ORDER BY seq LIMIT ?", after, filtersAtOnce).Scan(&found).Error
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
		"webhooks have a filter that is not valid in this version, so that they get no events: " + examples(ids[:min(len(ids), mostIDs+1)]),
		"set their filters again (updateWebhook); a replay of kind MISSING sends what they did not get",
	}}, nil
}

// linesAtOnce is how many lines one statement looks at.
const linesAtOnce = 500

// lines finds lines of deliveries with an ordering key that do not go on.
func (i *Inspection) lines(db *gorm.DB) ([]Problem, error) {
	stalled := 0
	for after, more := (webhook.ID{}), true; more; {
		found, err := ordering.Lines(db, after, linesAtOnce)
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
	return []Problem{{fmt.Sprintf("deliveries of %d ordering keys wait for none that is being sent", stalled), "start a server, which mends that within a minute, and run this again; " + report}}, nil
}

// backlog compares the number of waiting deliveries of each webhook with that of statistics.
func (i *Inspection) backlog(db *gorm.DB) (found []Problem, err error) {
	wrong, err := statistics.Check(db, i.DB)
	for _, m := range wrong {
		found = append(found, Problem{
			fmt.Sprintf("webhook %s of tenant %s has %d deliveries that are pending or held, statistics have %d", m.Webhook, m.Tenant, m.Waiting, m.Gauge),
			"run hookgraph doctor --fix",
		})
	}
	return shown(found), err
}

// mostJournal is a number of journal rows that a server which folds stays far below, and up to which reads decode them.
const mostJournal = 20_000

func (i *Inspection) journal(db *gorm.DB) ([]Problem, error) {
	var rows int64
	if err := db.Raw("SELECT COUNT(*) FROM (SELECT 1 FROM stats_journal LIMIT ?) AS j", mostJournal).Scan(&rows).Error; err != nil || rows < mostJournal {
		return nil, err
	}
	return []Problem{{
		fmt.Sprintf("%d rows or more wait to be folded, so statistics are behind", mostJournal),
		"start a server, and look for errors of the task \"statistics\" in its log",
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
func (i *Inspection) statistics(db *gorm.DB) (found []Problem, err error) {
	const day = 24 * time.Hour
	since := i.Now.Add(-i.StatsRetention).Add(2 * day)
	have, err := i.stored(db, since)
	if err != nil {
		return nil, err
	}
	// Read afterwards: what is stored then was counted with it.
	q := statistics.Query{By: statistics.ByWebhook, From: since.Add(-day).Truncate(day).Unix() / 60, To: i.Now.Add(2*day).Truncate(day).Unix() / 60}
	counted, err := statistics.Read(db, i.DB, nil, q)
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
					fmt.Sprintf("webhook %s: statistics have counted %d deliveries%s, and %d are stored", is.id, of.Get(counter), names[counter], n),
					"the numbers of that time stay too low; " + restore,
				})
			}
		}
	}
	slices.SortFunc(found, func(a, b Problem) int { return cmp.Compare(a.Text, b.Text) })
	return shown(found), nil
}

// stored counts the deliveries that were created since then, by the seq of their webhooks.
func (i *Inspection) stored(db *gorm.DB, since time.Time) (map[int64]*stored, error) {
	var rows []struct {
		Seq    int64
		ID     webhook.ID
		Status webhook.DeliveryStatus
		N      int64
	}
	err := db.Raw(`SELECT w.seq, w.id, d.status, COUNT(*) AS n FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id
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
