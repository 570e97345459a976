//go:build !unix

package config

import "math"

// OpenFiles returns how many files the process may have open. On this system there is no limit.
func OpenFiles() (uint64, error) { return math.MaxUint64, nil }
