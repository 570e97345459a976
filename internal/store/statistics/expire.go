package statistics

import (
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
)

// Expired are the rows to remove: those of minutes, and of hours and days, that began before these times.
type Expired struct{ Minutes, Others time.Time }

// before returns the minute since 1970 before which rows of a grain are removed.
func (e Expired) before(grain int64) int64 {
	if grain == Minute {
		return e.Minutes.Unix() / 60
	}
	return e.Others.Unix() / 60
}

var grains = []int64{Minute, Hour, Day}

// Any reports whether there are any.
func (e Expired) Any(db *gorm.DB) (bool, error) {
	for _, grain := range grains {
		var found []int64
		if err := db.Raw("SELECT bucket FROM stats WHERE grain = ? AND bucket < ? ORDER BY bucket LIMIT 1", grain, e.before(grain)).Scan(&found).Error; err != nil {
			return false, dialect.Unavailable(err)
		}
		if len(found) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// Remove removes up to n rows, and returns how many it removed.
func (e Expired) Remove(b *dialect.Tx, rows int) (removed int64, err error) {
	const key = "tenant_id, grain, webhook, type, bucket"
	for _, grain := range grains {
		res := b.DB.Exec("DELETE FROM stats WHERE ("+key+") IN (SELECT "+key+" FROM stats WHERE grain = ? AND bucket < ? ORDER BY bucket LIMIT ?)",
			grain, e.before(grain), rows-int(removed))
		if res.Error != nil {
			return removed, res.Error
		}
		if removed += res.RowsAffected; int(removed) >= rows {
			break
		}
	}
	return removed, nil
}

// ForgetTypes removes up to n types that have no rows any more, so that other types can have rows, and returns how many it removed.
func ForgetTypes(b *dialect.Tx, most int) (removed int64, err error) {
	res := b.DB.Exec(`DELETE FROM stats_types WHERE (tenant_id, type) IN (SELECT tenant_id, type FROM stats_types y WHERE NOT EXISTS
		(SELECT 1 FROM stats r WHERE r.tenant_id = y.tenant_id AND r.grain = ? AND r.webhook = 0 AND r.type = y.type) LIMIT ?)`, Day, most)
	return res.RowsAffected, res.Error
}
