package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/pressly/goose/v3"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
)

// Migration is a step of the schema.
type Migration struct {
	Version int64
	Name    string
	Applied bool
}

func (s *Store) migrate(ctx context.Context) error {
	p, err := s.db.Provider(s.write)
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
	db, err := o.dialect()
	if err != nil {
		return nil, err
	}
	if err := db.Exists(); err != nil && !up {
		return nil, fmt.Errorf("no database: %w", err)
	}
	write, read, err := db.Open(ctx, logged(o.Logger), up)
	defer func() {
		err = errors.Join(err, db.Close(), dialect.ClosePool(read), dialect.ClosePool(write))
	}()
	if err != nil {
		return nil, err
	}
	p, err := db.Provider(write)
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
