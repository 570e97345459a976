package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// Migration is a step of the schema.
type Migration struct {
	Version int64
	Name    string
	Applied bool
}

func (s *Store) migrate(ctx context.Context) error {
	p, err := s.db.provider(s.write)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	known := int64(0)
	for _, m := range p.ListSources() {
		known = max(known, m.Version)
	}
	if have > known {
		return fmt.Errorf("the database has schema %d, this program knows up to %d: use a newer program", have, known)
	}
	if have == known {
		return nil
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// Migrations lists the schema's steps, oldest first, after applying what is missing when up is set.
func Migrations(ctx context.Context, o Options, up bool) (_ []Migration, err error) {
	db := o.dialect()
	if err := db.exists(); err != nil && !up {
		return nil, fmt.Errorf("no database: %w", err)
	}
	write, read, err := db.open(ctx, logged(o.Logger), up)
	defer func() {
		err = errors.Join(err, db.close(), closePool(read), closePool(write))
	}()
	if err != nil {
		return nil, err
	}
	p, err := db.provider(write)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	if up {
		if _, err := p.Up(ctx); err != nil {
			return nil, fmt.Errorf("migrate: %w", err)
		}
	}
	status, err := p.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	list := make([]Migration, 0, len(status))
	for _, m := range status {
		list = append(list, Migration{
			Version: m.Source.Version,
			Name:    filepath.Base(m.Source.Path),
			Applied: m.State == goose.StateApplied,
		})
	}
	return list, nil
}
