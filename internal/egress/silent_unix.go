//go:build unix

package egress

import (
	"errors"
	"net"
	"syscall"
)

// silent reports whether nothing waits to be read, not even the connection's end.
func silent(c net.Conn) bool {
	s, ok := socket(c).(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return false
	}
	none := false
	err = raw.Control(func(fd uintptr) { // unlike Read, whatever the deadline of the last exchange was
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		none = errors.Is(err, syscall.EAGAIN)
	})
	return err == nil && none
}
