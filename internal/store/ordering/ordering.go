// Package ordering keeps deliveries with an ordering key in line: of those to one webhook with the same key only the head is due or claimed,
// and what makes it end promotes the next (I19). It has the rules and what both databases share of the statements; dialect.DB has the rest.
package ordering

import (
	"fmt"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Leaving is a line whose head may have ended.
type Leaving struct {
	Line webhook.ID
	// Failed says that the head may have failed, and Hold that it then keeps its place, so that the others wait.
	Failed, Hold bool
}

// Advance makes the next delivery of each line the head, unless the line has one, and returns those that are due now. The lines must be locked
// (dialect.DB.LockLines).
func Advance(b *dialect.Tx, db dialect.DB, lines []Leaving) ([]dialect.Head, error) {
	var all, freed []webhook.ID
	seen := map[webhook.ID]bool{}
	for _, l := range lines {
		if l.Failed && !l.Hold {
			freed = append(freed, l.Line)
		}
		if !seen[l.Line] {
			seen[l.Line] = true
			all = append(all, l.Line)
		}
	}
	if len(freed) > 0 {
		if err := leave(b.Unscoped(), db, freed); err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	heads, err := db.Promote(b, all)
	if err != nil {
		return nil, fmt.Errorf("promote deliveries: %w", err)
	}
	return heads, nil
}

// leave takes deliveries that have ended from the head of the lines.
func leave(tx *gorm.DB, db dialect.DB, lines []webhook.ID) error {
	among, arg := db.AmongIDs("line", lines)
	if err := tx.Exec("UPDATE deliveries SET place = NULL WHERE "+among+" AND place = 0 AND status <> 'PENDING' AND claimed_by IS NULL", arg).Error; err != nil {
		return fmt.Errorf("leave lines: %w", err)
	}
	return nil
}

// Occupied returns those of the lines that have deliveries. They must be locked.
func Occupied(b *dialect.Tx, db dialect.DB, lines []webhook.ID) (map[webhook.ID]bool, error) {
	rows := make([][]any, len(lines))
	for i, line := range lines {
		rows[i] = []any{line}
	}
	var found []webhook.ID
	err := b.Unscoped().Raw(`SELECT v.line FROM `+db.Rows([]dialect.Column{{Name: "line", Kind: "uuid"}})+` AS v WHERE
		(SELECT d.place FROM deliveries d WHERE d.line = v.line AND d.place IS NOT NULL ORDER BY d.place LIMIT 1) IS NOT NULL`,
		string(dialect.CompactJSON(rows))).Scan(&found).Error
	if err != nil {
		return nil, fmt.Errorf("look at lines: %w", err)
	}
	is := make(map[webhook.ID]bool, len(found))
	for _, line := range found {
		is[line] = true
	}
	return is, nil
}

// Enter gives new deliveries of lines their places, in the order in which they are given: the first of an empty line is its head, and every
// other one waits. lock must lock lines.
func Enter(b *dialect.Tx, db dialect.DB, claims []*dialect.Claimed, lock func(lines []webhook.ID) error) error {
	var lines []webhook.ID
	seen := map[webhook.ID]bool{}
	for _, claimed := range claims {
		if line := claimed.Delivery.Line; line != nil && !seen[*line] {
			seen[*line] = true
			lines = append(lines, *line)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	if err := lock(lines); err != nil {
		return err
	}
	occupied, err := Occupied(b, db, lines)
	if err != nil {
		return err
	}
	for _, claimed := range claims {
		line := claimed.Delivery.Line
		if line == nil {
			continue
		}
		place := int64(0)
		if occupied[*line] {
			place = claimed.Event.Seq
		}
		occupied[*line] = true
		claimed.Delivery.Place = &place
	}
	return nil
}
