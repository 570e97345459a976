//go:build unix

package config

import "syscall"

// OpenFiles is how many files the process may have open. Go has raised it to the hard limit before main runs, and gives
// programs that it starts the lower one back.
func OpenFiles() (uint64, error) {
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	return uint64(limit.Cur), err // signed on some systems
}
