package ordering

import (
	"fmt"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Found is a line, as a sweep finds it.
type Found struct {
	Line, WebhookID webhook.ID
	Goes            bool // it goes on by itself, or somebody has to do something about the delivery that failed
}

// walk reads lines along their index, each by one look-up however many deliveries it has. A line goes on if a delivery at its head is due or
// claimed, and waits for somebody if one has failed and the webhook is to hold then.
const walk = `WITH RECURSIVE l (line, n) AS (
		SELECT (SELECT d.line FROM deliveries d WHERE d.place IS NOT NULL AND d.line > ? ORDER BY d.line LIMIT 1), 1
		UNION ALL SELECT (SELECT d.line FROM deliveries d WHERE d.place IS NOT NULL AND d.line > l.line ORDER BY d.line LIMIT 1), l.n + 1
			FROM l WHERE l.line IS NOT NULL AND l.n < ?
	) SELECT l.line, (SELECT d.webhook_id FROM deliveries d WHERE d.line = l.line AND d.place IS NOT NULL ORDER BY d.place LIMIT 1) AS webhook_id,
		EXISTS (SELECT 1 FROM deliveries d LEFT JOIN webhooks w ON w.id = d.webhook_id WHERE d.line = l.line AND d.place = 0 AND (d.due_at IS NOT NULL
			OR d.claimed_by IS NOT NULL OR d.status = 'FAILED' AND w.ordering = 'KEY' AND w.on_failure = 'HOLD' AND w.deleted_at IS NULL)) AS goes
	FROM l WHERE l.line IS NOT NULL`

// Lines reads up to n lines after one, in an order of their own.
func Lines(read *gorm.DB, after webhook.ID, n int) (found []Found, err error) {
	if err := read.Raw(walk, after, n).Scan(&found).Error; err != nil {
		return nil, fmt.Errorf("look through lines: %w", dialect.Unavailable(err))
	}
	return found, nil
}

// Mend prepares lines that do not go on for Advance: what has ended leaves its place, unless it is held there, and what is at the head and can
// never be sent is due. It is needed after something has happened that promotes nobody: a process ended between two transactions, retention
// removed a delivery that failed and was held, the claim of one that was canceled has ended with its node, or settings were changed.
func Mend(b *dialect.Tx, db dialect.DB, lines []webhook.ID, ended bool) error {
	if len(lines) == 0 {
		return nil
	}
	if ended {
		if err := leave(b.DB, db, lines); err != nil {
			return err
		}
	}
	among, arg := db.AmongIDs("line", lines)
	if err := b.DB.Exec("UPDATE deliveries SET due_at = ? WHERE "+among+" AND place = 0 AND status = 'PENDING' AND due_at IS NULL AND claimed_by IS NULL",
		dialect.At(b.Now), arg).Error; err != nil {
		return fmt.Errorf("mend heads of lines: %w", err)
	}
	return nil
}
