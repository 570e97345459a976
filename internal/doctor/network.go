package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	// MostReach bounds the URLs to connect to.
	MostReach = 10

	networkTimeout  = 10 * time.Second
	resolverTimeout = 3 * time.Second
	mostResolvers   = 10
	maxBody         = 2 << 10

	clockWarns = 5 * time.Second // the header Date has seconds
	clockFails = 5 * time.Minute // by which Standard Webhooks lets clocks differ
)

// network makes the checks that send something, if they were asked for.
func (e *examination) network(ctx context.Context) {
	var skews []skew
	e.check(ctx, "resolvers", e.resolvers)
	e.check(ctx, "outbound", func(ctx context.Context) finding { return e.outbound(ctx, &skews) })
	e.check(ctx, "server", func(ctx context.Context) finding { return e.server(ctx, &skews) })
	e.check(ctx, "network-clock", func(context.Context) finding { return clocks(skews) })
}

// resolvers asks each resolver of the host.
func (e *examination) resolvers(ctx context.Context) finding {
	if !e.Network && len(e.Reach) == 0 {
		return skipped("not asked for: give --network")
	}
	servers := e.Host.Resolvers
	if servers == nil {
		text, err := os.ReadFile("/etc/resolv.conf")
		if err != nil {
			return skipped(err.Error())
		}
		servers = nameServers(string(text))
	}
	servers = servers[:min(len(servers), mostResolvers)]
	name := "."
	for _, raw := range e.Reach {
		if u, err := url.Parse(raw); err == nil && net.ParseIP(u.Hostname()) == nil {
			name = strings.TrimSuffix(u.Hostname(), ".") + "."
		}
	}
	errs := make([]error, len(servers))
	var asking sync.WaitGroup
	for i, server := range servers {
		asking.Go(func() { errs[i] = ask(ctx, server, name) })
	}
	asking.Wait()
	var silent []string
	for i, err := range errs {
		if err != nil {
			silent = append(silent, servers[i]+": "+err.Error())
		}
	}
	const remedy = "remove it from /etc/resolv.conf, or repair it"
	switch {
	case len(servers) == 0:
		return failed("/etc/resolv.conf has no resolver", "names of receivers are not found", "add one")
	case len(silent) == len(servers):
		return failed(strings.Join(silent, "\n"), "names of receivers are not found, so every attempt fails", remedy)
	case len(silent) > 0:
		return warned(strings.Join(silent, "\n"), "look-ups that ask it first take seconds longer", remedy)
	}
	return fine(strings.Join(servers, ", "))
}

// nameServers reads the resolvers of a resolv.conf; without one it is this host, as for the C library.
func nameServers(text string) (servers []string) {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) > 1 && words[0] == "nameserver" {
			servers = append(servers, net.JoinHostPort(words[1], "53"))
		}
	}
	if servers == nil {
		servers = []string{"127.0.0.1:53"}
	}
	return servers
}

// ask sends one question to a resolver, and again if it is lost.
func ask(ctx context.Context, server, name string) error {
	of, err := dnsmessage.NewName(name)
	if err != nil {
		return fmt.Errorf("%q is not a name", name)
	}
	kind := dnsmessage.TypeA
	if name == "." {
		kind = dnsmessage.TypeNS
	}
	id := uint16(rand.Uint32()) //nolint:gosec // only pairs question and answer
	question := dnsmessage.Message{
		Header: dnsmessage.Header{ID: id, RecursionDesired: true}, Questions: []dnsmessage.Question{{Name: of, Type: kind, Class: dnsmessage.ClassINET}},
	}
	text, err := question.Pack()
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", server) //nolint:forbidigo // to the host's resolver, which the operator asks to test
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	for range 2 {
		if _, err := conn.Write(text); err != nil {
			return err
		}
		until := time.Now().Add(resolverTimeout / 2)
		if limit, ok := ctx.Deadline(); ok && limit.Before(until) {
			until = limit
		}
		_ = conn.SetReadDeadline(until)
		answer := make([]byte, 1500)
		for {
			n, readErr := conn.Read(answer)
			if err = readErr; err != nil {
				break
			}
			var p dnsmessage.Parser
			head, parseErr := p.Start(answer[:n])
			if parseErr != nil || head.ID != id {
				continue
			}
			if head.RCode != dnsmessage.RCodeSuccess && head.RCode != dnsmessage.RCodeNameError {
				return fmt.Errorf("it answers %v", head.RCode)
			}
			return nil
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("no answer within %v", resolverTimeout)
	}
	return err
}

// skew is how far the clock of a server is ahead of this host's; negative if it is behind.
type skew struct {
	server string
	by     time.Duration
}

// call sends a request without following redirects.
func (e *examination) call(ctx context.Context, through *url.URL, method, address string, skews *[]skew) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, networkTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, http.NoBody)
	if err != nil {
		return 0, "", errors.New("the URL is not valid")
	}
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 32 << 10} //nolint:forbidigo // to a URL that the operator names
	if through != nil {
		transport.Proxy = http.ProxyURL(through)
		transport.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, res *http.Response) error {
			if res.StatusCode == http.StatusOK {
				return nil
			}
			return fmt.Errorf("%w: it answers %d", errProxy, res.StatusCode)
		}
	}
	client := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }} //nolint:forbidigo // the same
	before := e.Host.Now()
	res, err := client.Do(req)
	if err != nil {
		if cause := new(url.Error); errors.As(err, &cause) {
			err = cause.Err // without the URL
		}
		return 0, "", err
	}
	after := e.Host.Now()
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if date, dateErr := http.ParseTime(res.Header.Get("Date")); dateErr == nil {
		s := skew{server: req.URL.Host}
		if date.After(after) {
			s.by = date.Sub(after)
		} else if end := date.Add(time.Second); end.Before(before) {
			s.by = end.Sub(before)
		}
		*skews = append(*skews, s)
	}
	return res.StatusCode, strings.TrimSpace(string(text)), err
}

// outbound connects to the given URLs as the server connects to receivers: through --forward-proxy if there is one, and never through another.
func (e *examination) outbound(ctx context.Context, skews *[]skew) finding {
	if len(e.Reach) == 0 {
		return skipped("not asked for: give --reach URL")
	}
	var wrong, right, remedies []string
	for _, address := range e.Reach[:min(len(e.Reach), MostReach)] {
		status, _, err := e.call(ctx, e.Config.Proxy, http.MethodHead, address, skews)
		if err != nil {
			why, remedy := explain(err, "the receiver")
			wrong = append(wrong, shown(address)+": "+why)
			if remedy = cmp.Or(remedy, "let this host connect to receivers (port 443 of public addresses), or set --forward-proxy"); !slices.Contains(remedies, remedy) {
				remedies = append(remedies, remedy)
			}
			continue
		}
		right = append(right, fmt.Sprintf("%s answers %d", shown(address), status))
	}
	if len(wrong) > 0 {
		return failed(strings.Join(wrong, "\n"), "attempts to it fail", strings.Join(remedies, "\n"))
	}
	return fine(strings.Join(right, "\n"))
}

// shown is a URL without what may be secret.
func shown(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "a URL that is not valid"
	}
	return u.Scheme + "://" + u.Host
}

// server asks a running server whether it is ready.
func (e *examination) server(ctx context.Context, skews *[]skew) finding {
	if e.Server == "" {
		return skipped("not asked for: give --url URL")
	}
	status, text, err := e.call(ctx, nil, http.MethodGet, strings.TrimSuffix(e.Server, "/")+"/readyz", skews)
	switch {
	case err != nil:
		why, remedy := explain(err, "the server")
		return failed(shown(e.Server)+" cannot be reached: "+why, "nobody can call it from here", cmp.Or(remedy, "start the server, correct --url, or open the port"))
	case status/100 == 3:
		return failed(fmt.Sprintf("%s answers %d, a redirect", shown(e.Server), status), "clients of the API do not follow it", "give --url, and clients, the address that it leads to")
	case status != http.StatusOK:
		return failed(fmt.Sprintf("%s answers %d: %s", shown(e.Server), status, text), "load balancers send it no calls", "correct what it says")
	case strings.Contains(text, "deliveries wait"):
		return warned(text, "calls are answered, and webhooks get nothing until that ends", "look into the log of the server")
	}
	return fine(shown(e.Server) + " is ready")
}

// clocks compares the clock with those of the servers that answered.
func clocks(skews []skew) finding {
	if len(skews) == 0 {
		return skipped("no server has told its time: give --reach URL or --url URL")
	}
	worst := slices.MaxFunc(skews, func(a, b skew) int { return int(a.by.Abs() - b.by.Abs()) })
	found := fmt.Sprintf("the clock of %s is %v ahead of this host's", worst.server, worst.by.Round(time.Second))
	if worst.by < 0 {
		found = fmt.Sprintf("this host's clock is %v ahead of that of %s", -worst.by.Round(time.Second), worst.server)
	}
	const means, do = "receivers refuse signatures whose time differs by more than 5 minutes", "synchronize the clock of this host (NTP); if it is right, that of the other"
	switch by := worst.by.Abs(); {
	case by >= clockFails:
		return failed(found, means, do)
	case by >= clockWarns:
		return warned(found, means, do)
	}
	return fine("it agrees with that of " + worst.server)
}
