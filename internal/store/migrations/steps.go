package migrations

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/pressly/goose/v3"
)

// Step is a step of the schema.
type Step struct {
	Version int64
	Name    string
	Applied bool
}

// missing reports whether steps are missing. It refuses a database whose schema is newer than this program.
func missing(ctx context.Context, p *goose.Provider) (bool, error) {
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return false, fmt.Errorf("migrate: %w", err)
	}
	known := newest(p)
	if have > known {
		return false, tooNew(have, known)
	}
	return have < known, nil
}

// Errors of Current.
var (
	// ErrOlder means that migrations are missing.
	ErrOlder = errors.New("migrations are missing: start the server, or run hookgraph migrate up")
	// ErrNewer means that the database was migrated by a newer program.
	ErrNewer = errors.New("use a newer program")
)

// Current returns an error unless the database has the schema that this program needs; have is the database's.
func Current(p *goose.Provider, have int64) error {
	known := newest(p)
	switch {
	case have > known:
		return tooNew(have, known)
	case have < known:
		return fmt.Errorf("the database has schema %d, this program needs %d: %w", have, known, ErrOlder)
	}
	return nil
}

func tooNew(have, known int64) error {
	return fmt.Errorf("the database has schema %d, this program knows up to %d: %w", have, known, ErrNewer)
}

// newest returns the newest schema that this program knows.
func newest(p *goose.Provider) (known int64) {
	for _, m := range p.ListSources() {
		known = max(known, m.Version)
	}
	return known
}

// Up applies what is missing. It refuses a database whose schema is newer than this program.
func Up(ctx context.Context, p *goose.Provider) error {
	if older, err := missing(ctx, p); err != nil || !older {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// List lists the steps, oldest first, after applying what is missing when up is set.
func List(ctx context.Context, p *goose.Provider, up bool) ([]Step, error) {
	if up {
		if _, err := p.Up(ctx); err != nil {
			return nil, fmt.Errorf("migrate: %w", err)
		}
	}
	status, err := p.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	list := make([]Step, 0, len(status))
	for _, m := range status {
		list = append(list, Step{
			Version: m.Source.Version,
			Name:    filepath.Base(m.Source.Path),
			Applied: m.State == goose.StateApplied,
		})
	}
	return list, nil
}
