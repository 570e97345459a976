package egress

import (
	"bufio"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// alone runs the calling test again in a process of its own, and returns false there. If that process cannot set the test up, it is
// skipped.
func alone(t *testing.T, attr *syscall.SysProcAttr) bool {
	t.Helper()
	const child = "EGRESS_TEST_ALONE"
	if os.Getenv(child) != "" {
		return false
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), child+"=1")
	cmd.SysProcAttr = attr
	out, err := cmd.CombinedOutput()
	if cmd.Process == nil {
		t.Skipf("no process of its own: %v", err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, why, skipped := strings.Cut(string(out), "--- SKIP"); skipped {
		t.Skip(why)
	}
	return true
}

// fill opens files until the process's limit is reached.
func fill(t *testing.T) (files []*os.File) {
	t.Helper()
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			return files
		}
		files = append(files, f)
	}
}

// Without free file descriptors no receiver is blamed, by address, by a name of the hosts file, by DNS, with TLS or without,
// through a proxy. With descriptors again the same requests succeed.
func TestNoDescriptors(t *testing.T) {
	if alone(t, nil) {
		return
	}
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(s.Close)
	secure := receiver(t, true, func(http.ResponseWriter, *http.Request) {})
	forward := newForwarder(t, 200)
	loopback := netip.MustParseAddr("127.0.0.1")
	dns := newDNS(t, func(string, int) []any { return []any{"127.0.0.1"} }).resolver()
	port := s.URL[strings.LastIndex(s.URL, ":"):]
	requests := map[string]struct {
		cfg Config
		url string
	}{
		"address":     {Config{AllowPrivate: true}, s.URL},
		"TLS":         {private(secure), secure.URL},
		"hosts file":  {Config{AllowPrivate: true}, "http://localhost" + port},
		"DNS":         {Config{AllowPrivate: true, Resolver: dns}, "http://receiver.example" + port},
		"two by DNS":  {Config{AllowPrivate: true, Resolver: answers{{loopback, netip.MustParseAddr("127.0.0.3")}}}, "http://a.example" + port},
		"proxy":       {Config{AllowPrivate: true, Proxy: forward.url}, s.URL},
		"own sockets": {Config{AllowPrivate: true, MaxSockets: 2}, s.URL},
	}
	clients := map[string]*Client{}
	for name, r := range requests {
		clients[name] = client(t, r.cfg)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Skip(err)
	}
	few := limit
	few.Cur = min(limit.Cur, 128)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Skip(err)
	}
	files := fill(t)
	for name, r := range requests {
		if res := clients[name].Do(within(t, 5*time.Second), &Request{URL: parse(t, r.url)}); res.Code != Shortage {
			t.Errorf("%s, without descriptors: %q %q %d", name, res.Code, res.Message, res.StatusCode)
		}
	}
	for _, f := range files {
		_ = f.Close()
	}
	for name, r := range requests {
		res := clients[name].Do(within(t, 5*time.Second), &Request{URL: parse(t, r.url)})
		if res.Code != OK && name != "hosts file" { // the machine may not know the name
			t.Errorf("%s, with descriptors: %q %q", name, res.Code, res.Message)
		}
	}
}

// apart is a network namespace with only a loopback interface, which is down.
var apart = &syscall.SysProcAttr{
	Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
	UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
	GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
}

// Without a network neither receivers nor names are blamed.
func TestNoNetwork(t *testing.T) {
	if alone(t, apart) {
		return
	}
	if addrs, err := net.InterfaceAddrs(); err != nil || len(addrs) > 1 {
		t.Skipf("this is no network of its own: %v, %v", addrs, err)
	}
	// Like a remote name server: a socket to it cannot be connected.
	elsewhere := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, "8.8.8.8:53")
	}}
	for target, cfg := range map[string]Config{
		"https://8.8.8.8/":                {},
		"https://[2606:4700:4700::1111]/": {},
		"https://10.1.2.3/":               {AllowPrivate: true},
		"https://hooks.example/":          {Resolver: elsewhere},
		"https://proxied.example/":        {Resolver: answers{{netip.MustParseAddr("8.8.8.8")}}, Proxy: parse(t, "http://8.8.4.4:3128")},
	} {
		if res := client(t, cfg).Do(within(t, 20*time.Second), &Request{URL: parse(t, target)}); res.Code != Local {
			t.Errorf("%s: %q %q", target, res.Code, res.Message)
		}
	}
}

// With a network, but no route to one receiver, that receiver's attempt fails: waiting would not help.
func TestNoRouteToOne(t *testing.T) {
	if alone(t, apart) {
		return
	}
	if err := isolate(t.TempDir()); err != nil {
		t.Skipf("the namespaces cannot be set up: %v", err)
	}
	if out, err := exec.CommandContext(t.Context(), "ip", "addr", "add", "198.18.0.1/24", "dev", "lo").CombinedOutput(); err != nil {
		t.Skipf("no address can be added: %v %s", err, out)
	}
	for target, message := range map[string]string{
		"https://8.8.8.8/":                "no route",
		"https://[2606:4700:4700::1111]/": "IPv6",
	} {
		res := client(t, Config{}).Do(within(t, 20*time.Second), &Request{URL: parse(t, target)})
		if res.Code != Connect || !strings.Contains(res.Message, message) {
			t.Errorf("%s: %q %q", target, res.Code, res.Message)
		}
	}
}

// The kernel counts local ports for each receiver: when those to one are used up, its deliveries wait.
func TestNoLocalPort(t *testing.T) {
	if alone(t, apart) {
		return
	}
	if err := isolate(t.TempDir()); err != nil {
		t.Skipf("the namespaces cannot be set up: %v", err)
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", []byte("40000 40003"), 0); err != nil {
		t.Skip(err)
	}
	r := newRaw(t, nil, func(_ net.Conn, in *bufio.Reader, stop <-chan struct{}) { <-stop })
	other := newRaw(t, nil, func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
		skipRequest(in)
		_, _ = io.WriteString(c, head+"Content-Length: 0\r\n\r\n")
	})
	var held []net.Conn
	for {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			break
		}
		held = append(held, c)
	}
	t.Cleanup(func() {
		for _, c := range held {
			_ = c.Close()
		}
	})
	c := client(t, Config{AllowPrivate: true})
	if res := c.Do(within(t, 20*time.Second), &Request{URL: parse(t, "http://"+r.addr+"/")}); res.Code != Local {
		t.Errorf("%d ports are used: %q %q", len(held), res.Code, res.Message)
	}
	if res := c.Do(within(t, 20*time.Second), &Request{URL: parse(t, "http://"+other.addr+"/")}); res.Code != OK {
		t.Errorf("another receiver: %q %q", res.Code, res.Message)
	}
}

// Every error of this machine is distinguished from a receiver's, alone and wrapped by a lookup.
func TestShortageOfAnyKind(t *testing.T) {
	for errno, code := range map[syscall.Errno]Code{
		syscall.EMFILE: Shortage, syscall.ENFILE: Shortage, syscall.ENOMEM: Shortage, syscall.ENOBUFS: Shortage, syscall.ENOSPC: Shortage,
		syscall.EDQUOT: Shortage, syscall.EADDRNOTAVAIL: Local, syscall.EADDRINUSE: Local, syscall.EAGAIN: Local, syscall.ENETDOWN: Local,
	} {
		dial := error(&net.OpError{Op: "dial", Net: "udp", Err: os.NewSyscallError("socket", errno)})
		for name, err := range map[string]error{
			"dial":   dial,
			"lookup": &net.DNSError{Err: dial.Error(), Name: "a.example", Server: "127.0.0.1:53", IsTemporary: true},
			"write":  fmt.Errorf("write: %w", dial),
		} {
			if f := shortage(err); f == nil || f.code != code {
				t.Errorf("%s: %v: %+v", name, errno, f)
			}
		}
	}
	for _, errno := range []syscall.Errno{syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.ENETUNREACH} {
		if f := shortage(&net.OpError{Op: "dial", Err: errno}); f != nil {
			t.Errorf("%v: %+v", errno, f)
		}
	}
	for text, ours := range map[string]bool{
		"dial udp 1.1.1.1:53: connect: network is unreachable":             true,
		"read udp 127.0.0.1:5353->127.0.0.53:53: read: connection refused": true,
		"no such host": false, "server misbehaving": false, "i/o timeout": false, "lame referral": false,
	} {
		if f := shortage(&net.DNSError{Err: text}); (f != nil) != ours {
			t.Errorf("%s: %+v", text, f)
		}
	}
}

// At its limit of sockets a client closes idle ones, and waiting requests get theirs; one whose time ends while it waits is not a
// receiver's failure.
func TestMaxSockets(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	var servers []*httptest.Server
	for range 5 {
		s := receiver(t, false, func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/hang" {
				asked <- struct{}{}
				<-answer
			}
		})
		servers = append(servers, s)
	}
	cfg := Config{AllowPrivate: true, MaxSockets: 2, RootCAs: x509.NewCertPool()}
	for _, s := range servers {
		cfg.RootCAs.AddCert(s.Certificate())
	}
	c := client(t, cfg)
	for i := range 20 {
		if res := c.Do(within(t, 20*time.Second), &Request{URL: parse(t, servers[i%5].URL)}); res.Code != OK {
			t.Fatalf("%q %q", res.Code, res.Message)
		}
	}
	ended := make(chan Result, 1)
	go func() { ended <- c.Do(within(t, 20*time.Second), &Request{URL: parse(t, servers[0].URL+"/hang")}) }()
	<-asked
	// It needs perDial sockets, but one is left.
	if res := c.Do(within(t, deadline), &Request{URL: parse(t, servers[1].URL)}); !res.Code.Ours() {
		t.Errorf("%q %q", res.Code, res.Message)
	}
	close(answer)
	if res := <-ended; res.Code != OK {
		t.Errorf("%q %q", res.Code, res.Message)
	}
	if res := c.Do(within(t, 20*time.Second), &Request{URL: parse(t, servers[1].URL)}); res.Code != OK {
		t.Errorf("%q %q", res.Code, res.Message)
	}
	if err := c.slots.take(within(t, 20*time.Second), 2); err != nil {
		t.Errorf("a socket was not given back: %v", err)
	}
}
