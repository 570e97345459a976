package postgres

import (
	"fmt"

	"gorm.io/gorm"
)

// Damage implements dialect.DB. It has what PostgreSQL knows already; amcheck and pg_checksums, which read everything, are for its administrator.
func (p *DB) Damage(read *gorm.DB) (found []string, err error) {
	var indexes []string
	if err := read.Raw(`SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = current_schema() AND NOT (i.indisvalid AND i.indisready) ORDER BY c.relname`).Scan(&indexes).Error; err != nil {
		return nil, err
	}
	for _, name := range indexes {
		found = append(found, "the index "+name+" is not valid: REINDEX it")
	}
	var failures int64
	if err := read.Raw("SELECT COALESCE(SUM(checksum_failures), 0) FROM pg_stat_database WHERE datname = current_database()").Scan(&failures).Error; err != nil {
		return found, err
	}
	if failures > 0 {
		found = append(found, fmt.Sprintf("checksums of %d pages were wrong when they were read: look into PostgreSQL's log", failures))
	}
	return found, nil
}
