package doctor

import (
	"time"

	"github.com/hookgraph/hookgraph/internal/config"
)

// defaults completes h with the real host.
func (h *Host) defaults() {
	if h.Now == nil {
		h.Now = time.Now
	}
	if h.FileSystem == nil {
		h.FileSystem = fileSystem
	}
	if h.Sync == nil {
		h.Sync = func(f interface{ Sync() error }) error { return f.Sync() }
	}
	if h.OpenFiles == nil {
		h.OpenFiles = config.OpenFiles
	}
	if h.Owner == nil {
		h.Owner = owner
	}
}
