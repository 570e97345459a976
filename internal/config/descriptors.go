package config

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// Descriptors divides the files that the process may open, so that neither attempts nor clients starve each other or the database.
type Descriptors struct {
	Outgoing    int // connections to receivers, idle ones and name lookups included
	Idle        int // of Outgoing
	Concurrency int // attempts at a time
	Incoming    int // clients' connections
	Streams     int // of Incoming
}

const (
	// What the program itself opens: its log, its listener, the database, certificates while they are reloaded. With SQLite
	// it has at most 22 open files; with PostgreSQL up to 20 more connections.
	ownFiles     = 32
	ownPostgres  = 24
	leastSockets = 16 // with fewer it could not serve
	maxStreams   = 10_000
	maxIdle      = 2048
	maxOpenFiles = 1 << 20 // more are never useful
)

// Descriptors divides limit open files. It returns an error if the limit is too low to run with.
func (c *Config) Descriptors(limit uint64) (Descriptors, error) {
	own := ownFiles
	if strings.Contains(c.Database, "://") {
		own += ownPostgres
	}
	if limit < uint64(own)+leastSockets {
		return Descriptors{}, fmt.Errorf(
			"this process may open %d files, and needs %d at least: raise the limit (ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of docker)", limit, own+leastSockets,
		)
	}
	rest := int(min(limit, maxOpenFiles)) - own
	d := Descriptors{Outgoing: rest / 2}
	d.Incoming = rest - d.Outgoing
	d.Idle = min(maxIdle, d.Outgoing/4)
	d.Concurrency = min(c.Concurrency, d.Outgoing/2)
	d.Streams = min(maxStreams, d.Incoming*3/4)
	return d, nil
}

// Opened counts the files that the process has open. It opens none to do so, and so can tell even when no other can be opened. Nil counts nothing.
type Opened struct {
	mu  sync.Mutex
	all *os.File // the process's directory of open files
}

// CountOpened returns an Opened, or nil where the system cannot tell; Linux can. The caller closes it.
func CountOpened() *Opened {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return nil
	}
	return &Opened{all: dir}
}

// Count returns how many files are open; false if that is not known.
func (o *Opened) Count() (n int, ok bool) {
	if o == nil {
		return 0, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := o.all.Seek(0, io.SeekStart); err != nil {
		return 0, false
	}
	names, err := o.all.Readdirnames(-1)
	return len(names), err == nil
}

// Close closes the directory. o may be nil.
func (o *Opened) Close() {
	if o != nil {
		_ = o.all.Close() // it was only read
	}
}
