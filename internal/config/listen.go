package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"syscall"
)

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?\.?$`)

// CheckListen checks an address to listen on.
func CheckListen(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q is not like 127.0.0.1:8080, or :8080 for all addresses", address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return fmt.Errorf("%q is not a port from 0 to 65535", port)
	}
	if _, err := netip.ParseAddr(host); host != "" && err != nil && !hostName.MatchString(host) {
		return fmt.Errorf("%q is neither an address nor a name of this machine", host)
	}
	return nil
}

// NotListening returns err, of listening on the address that the flag gives, with what to do about it.
func NotListening(flag, address string, err error) error {
	host, port, _ := net.SplitHostPort(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		other := ""
		if n, err := strconv.Atoi(port); err == nil && n < 65535 {
			other = fmt.Sprintf(", such as %s %s", flag, net.JoinHostPort(host, strconv.Itoa(n+1)))
		}
		return fmt.Errorf("%s: %s is in use, perhaps by another Hookgraph; give another address%s, or stop the program that has it, which lsof -i :%s shows (%w)",
			flag, address, other, port, syscall.EADDRINUSE)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s: %s is not an address of this machine; give one that it has, or :%s for all of them (%w)", flag, host, port, syscall.EADDRNOTAVAIL)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: this user may not listen on port %s; give a port above 1023, or the program the capability CAP_NET_BIND_SERVICE (%w)", flag, port, syscall.EACCES)
	}
	return fmt.Errorf("%s: %w", flag, err)
}
