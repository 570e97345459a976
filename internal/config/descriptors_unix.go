//go:build unix

package config

import "syscall"

// OpenFiles returns how many files the process may have open. Before main, Go raises the soft limit to the hard limit; it restores
// the lower one for programs that it starts.
func OpenFiles() (uint64, error) {
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	return uint64(limit.Cur), err // signed on some systems
}
