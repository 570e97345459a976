package store

import "context"

// NoteRefused opens issues of tenants whose calls were refused.
func (s *Store) NoteRefused(ctx context.Context) error { return s.noteRefused(ctx) }
