//go:build !unix

package config

import "math"

// OpenFiles is how many files the process may have open. There is no such limit here.
func OpenFiles() (uint64, error) { return math.MaxUint64, nil }
