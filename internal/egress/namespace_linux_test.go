package egress

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// The C library's resolver uses only the name servers of /etc/resolv.conf. So the test runs itself in its own namespaces, with a
// resolv.conf that names a server on its own loopback; nothing of the machine changes. Other users than root need a user namespace
// for that; if it is not allowed the test is skipped, except in CI, which runs as root.
func TestDNSAnswersWithCgoResolver(t *testing.T) {
	const child = "EGRESS_TEST_NAMESPACE"
	if os.Getenv(child) != "" {
		inNamespace(t)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDNSAnswersWithCgoResolver$", "-test.v")
	cmd.Env = append(os.Environ(), child+"="+t.TempDir(), "GODEBUG=netdns=cgo")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if cmd.Process == nil {
		lacking(t, "namespaces cannot be made here: %v", err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, why, skipped := strings.Cut(string(out), "--- SKIP"); skipped {
		t.Skip(why)
	}
}

// lacking skips a test without its tool or permission, and fails it in CI, where no test may be skipped.
func lacking(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// isolate enables the namespaces' loopback, and replaces the files of the C library's resolver.
func isolate(dir string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	for name, text := range map[string]string{
		"resolv.conf": "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n", "hosts": "", "nsswitch.conf": "hosts: files dns\n",
	} {
		ours := filepath.Join(dir, name)
		if err := os.WriteFile(ours, []byte(text), 0o600); err != nil {
			return err
		}
		if err := syscall.Mount(ours, "/etc/"+name, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s: %w", name, err)
		}
	}
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer func() { _ = syscall.Close(socket) }()
	request := struct { // struct ifreq
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}{flags: syscall.IFF_UP | syscall.IFF_RUNNING}
	copy(request.name[:], "lo")
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(socket), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return fmt.Errorf("loopback: %w", errno)
	}
	return nil
}

func inNamespace(t *testing.T) {
	t.Helper()
	if err := isolate(os.Getenv("EGRESS_TEST_NAMESPACE")); err != nil {
		lacking(t, "the namespaces cannot be set up: %v", err)
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:53")
	if err != nil {
		lacking(t, "no name server: %v", err)
	}
	var script atomic.Pointer[func(string, int) []any]
	ns := serveDNS(t, conn, func(name string, round int) []any { return (*script.Load())(name, round) })
	follow := func(s func(string, int) []any) {
		script.Store(&s)
		ns.round.Store(0)
	}
	follow(func(string, int) []any { return []any{"192.0.2.7"} })
	resolver := &net.Resolver{}
	if got, err := resolver.LookupNetIP(t.Context(), "ip4", "127.1"); err != nil || got[0].Unmap() != netip.MustParseAddr("127.0.0.1") {
		t.Skipf("this is not the C library's resolver: %v, %v", got, err)
	}
	if got, err := resolver.LookupNetIP(t.Context(), "ip4", "hook.example"); err != nil || len(got) != 1 || got[0].Unmap() != netip.MustParseAddr("192.0.2.7") {
		t.Fatalf("the C library does not ask our name server: %v, %v", got, err)
	}

	ca := newCanary(t)
	c := client(t, Config{Ports: []uint16{ca.port}, Resolver: resolver})
	all, blocked := closedAnswers(), 0
	follow(func(_ string, round int) []any { return all[round] })
	for _, answers := range all {
		res := c.Do(within(t, 20*time.Second), &Request{URL: ca.url(t, "hook.example")})
		switch res.Code {
		case BlockedAddress:
			blocked++
		case DNS: // the C library drops addresses that it considers invalid for hosts, and then none is left
		default:
			t.Errorf("%v: %q %q", answers, res.Code, res.Message)
		}
		ns.next()
	}
	if blocked < len(all)*9/10 {
		t.Errorf("%d of %d answers came to be judged", blocked, len(all))
	}

	// Each name as often as its script says, then each closed address after an allowed one.
	cfg, served := outside(t, ca)
	cfg.Resolver = resolver
	request := func(c *Client, i int, want Code) {
		res := c.Do(within(t, 20*time.Second), &Request{URL: ca.url(t, "example.com")})
		if res.Code == DNS && want == BlockedAddress {
			blocked--
		} else if res.Code != want {
			t.Errorf("request %d: %v: %q %q, want %q", i, (*script.Load())("", i), res.Code, res.Message, want)
		}
		ns.next()
	}
	for _, tt := range scripted {
		c := client(t, cfg)
		follow(tt.script)
		for i, want := range tt.want {
			request(c, i, want)
		}
	}
	rebind, requests := rebinds()
	blocked = requests / 2
	before := served.Load()
	follow(rebind)
	c = client(t, cfg)
	for i := range requests {
		request(c, i, []Code{OK, BlockedAddress}[i%2])
	}
	if blocked < requests/2*9/10 {
		t.Errorf("%d of %d answers came to be judged after one that was outside", blocked, requests/2)
	}
	if n := served.Load() - before; n != int64(requests/2) {
		t.Errorf("the receiver was reached %d times in %d requests", n, requests)
	}
	ca.untouched(t)
}
