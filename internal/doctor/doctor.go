// Package doctor examines what a server needs: its host, its database, its settings, and on request the network around it. Each check says what it
// found, what that means, and what to do. It changes nothing, except for a file that it writes to measure the disk, and removes.
package doctor

import (
	"context"
	"time"

	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/store"
)

// Status is the outcome of a check.
type Status string

// The outcomes, from best to worst.
const (
	OK      Status = "OK"
	Skipped Status = "SKIPPED" // it does not apply, was not asked for, or cannot be made after what another one found
	Warning Status = "WARNING" // the server works, and somebody should look at it
	Failed  Status = "FAILED"  // the server does not work, or loses something
)

// Result is the result of one check. Its text contains no secrets.
type Result struct {
	// Name is the check's, and its anchor in docs/operating.md.
	Name   string `json:"name"`
	Status Status `json:"status"`
	// Found is what it found, or why it was skipped.
	Found string `json:"found"`
	// Means and Do are the consequence, and the remedy; "" unless there is something to do.
	Means string `json:"means,omitempty"`
	Do    string `json:"do,omitempty"`
	// NotLookedAt is what was left out because a bound was reached; "" if nothing was.
	NotLookedAt string  `json:"notLookedAt,omitempty"`
	DurationMs  float64 `json:"durationMs"`
}

// Options say what to examine. Config is required.
type Options struct {
	Config *config.Config
	// Invalid is why Config cannot be used; nil if it can.
	Invalid error
	// Warnings are about variables that nothing reads.
	Warnings []string
	// Getenv may be nil in a running server, which then does not look for proxies.
	Getenv func(string) string
	// Within bounds each check in time, and Rows what the database's checks read of a table; 0 means unlimited.
	Within time.Duration
	Rows   int

	// Network allows questions to the host's resolvers.
	Network bool
	// Reach are URLs to connect to as the server does.
	Reach []string
	// Server is the URL of a running server; "" means none.
	Server string

	// Running is the server in this process; nil means that there is none, and the database is opened.
	Running *Running

	Host Host
}

// Running is a server that examines itself.
type Running struct {
	Ready   func(ctx context.Context) error
	Inspect func(ctx context.Context, bounds store.InspectionBounds) ([]store.Inspection, error)
	// Backup is why the last backup by the clock failed; nil if it did not. The function may be nil.
	Backup func() error
}

// Host is the machine as the checks see it. Zero values mean the real one; tests give others.
type Host struct {
	Now        func() time.Time
	FileSystem func(dir string) (FileSystem, error)
	Sync       func(f interface{ Sync() error }) error
	OpenFiles  func() (uint64, error)
	// Resolvers are host:port; nil means those of /etc/resolv.conf.
	Resolvers []string
	// Owner returns the user that a file belongs to; ok is false where files have no owners.
	Owner func(path string) (uid int, ok bool, err error)
}

// FileSystem is a file system, as far as it is known.
type FileSystem struct {
	Type        string // "ext4"; "" if unknown
	Network     bool
	Memory      bool
	Free, Bytes uint64 // in bytes, for this user
	Files       uint64 // that may still be created; meaningful if AllFiles > 0
	AllFiles    uint64
}

// examination is one run.
type examination struct {
	*Options

	results []Result
}

// finding is what one check found; the zero value is a check that found nothing wrong.
type finding struct {
	status           Status // "" means OK
	found, means, do string
	cut              string
}

func failed(found, means, do string) finding {
	return finding{status: Failed, found: found, means: means, do: do}
}

func warned(found, means, do string) finding {
	return finding{status: Warning, found: found, means: means, do: do}
}

func skipped(why string) finding { return finding{status: Skipped, found: why} }

func fine(found string) finding { return finding{found: found} }

// check runs a check within its time, and adds its result.
func (e *examination) check(ctx context.Context, name string, run func(ctx context.Context) finding) finding {
	if ctx.Err() != nil {
		return finding{}
	}
	started := time.Now()
	if e.Within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.Within)
		defer cancel()
	}
	f := run(ctx)
	e.add(name, f, time.Since(started))
	return f
}

func (e *examination) add(name string, f finding, took time.Duration) {
	if f.status == "" {
		f.status = OK
	}
	e.results = append(e.results, Result{
		Name: name, Status: f.status, Found: f.found, Means: f.means, Do: f.do, NotLookedAt: f.cut, DurationMs: float64(took.Microseconds()) / 1000,
	})
}

// postgres reports whether the database is PostgreSQL.
func (e *examination) postgres() bool { return store.IsPostgres(e.Config.Database) }
