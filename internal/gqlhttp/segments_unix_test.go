//go:build unix

package gqlhttp_test

import "syscall"

// smallSegments has a connection send and receive segments of 1,000 bytes.
func smallSegments(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 1000) })
}
