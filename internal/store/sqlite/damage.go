package sqlite

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
)

// mostDamage is the number of errors of one kind that Damage returns at most.
const mostDamage = 20

// Damage implements dialect.DB.
func (q *DB) Damage(read *gorm.DB) (found []string, err error) {
	if err := read.Raw(fmt.Sprintf("PRAGMA integrity_check(%d)", mostDamage)).Scan(&found).Error; err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(text string) bool { return text == "ok" })
	var orphans []string
	err = read.Raw(`SELECT 'a row of ' || "table" || ' refers to a row of ' || parent || ' that does not exist' FROM pragma_foreign_key_check LIMIT ?`, mostDamage).Scan(&orphans).Error
	return append(found, orphans...), err
}

// Doubts implements dialect.DB. Open refuses a database whose settings are wrong; there is no server.
func (q *DB) Doubts(context.Context, *gorm.DB) ([]dialect.Doubt, error) { return nil, nil }
