package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// MaxURLBytes bounds a webhook's URL, as given and as normalised.
const MaxURLBytes = 2048

// The codes of Invalid.
const (
	InvalidURL        = "INVALID_URL"         // not a URL that a webhook can have
	InvalidTooLong    = "TOO_LONG"            // URL, header name or header value over its bound
	HTTPSRequired     = "HTTPS_REQUIRED"      // another scheme than https
	PortNotAllowed    = "PORT_NOT_ALLOWED"    // a port that the operator has not opened
	AddressNotAllowed = "ADDRESS_NOT_ALLOWED" // a literal address, or a name of this host, that is closed
	InvalidHeader     = "INVALID_HEADER"      // a header name or value that HTTP does not allow
	ReservedHeader    = "RESERVED_HEADER"     // a header that belongs to the server or to the connection
)

// Invalid is the error of ValidateURL and ValidateHeader: Code for programs, Message for people. The message does not name the
// field; the caller adds it.
type Invalid struct {
	Code    string
	Message string
}

// Error implements error; callers may be shown it.
func (e *Invalid) Error() string { return e.Message }

// TooLong reports whether the value would be valid if it were shorter.
func (e *Invalid) TooLong() bool { return e.Code == InvalidTooLong }

// Forbidden reports whether the value is valid, and not allowed.
func (e *Invalid) Forbidden() bool {
	return e.Code == AddressNotAllowed || e.Code == PortNotAllowed || e.Code == ReservedHeader
}

// hosts maps internationalised names as browsers do (UTS #46, non-transitional). Underscores and hyphens in odd
// places are allowed, because such names exist and DNS carries them; asciiHost has the last word.
var hosts = idna.New(
	idna.MapForLookup(),
	idna.Transitional(false),
	idna.StrictDomainName(false),
	idna.CheckHyphens(false),
	idna.BidiRule(),
)

// ValidateURL is the rule for a webhook's URL, on every surface. It returns the URL in the form to store: scheme and host in
// lower case, the host in ASCII without its trailing dot, an address in its canonical form, no default port. Path and query are
// kept byte for byte, except that characters that a URL cannot contain, such as non-ASCII letters, are percent-encoded.
// ValidateURL accepts its own result, unchanged. The error is an *Invalid.
//
// It refuses when saving what could never be delivered. It does not protect internal addresses: a name may later resolve to
// anything, and only the check on the dialed address sees that.
func (c *Client) ValidateURL(raw string) (string, error) { return c.policy.url(raw) }

func (p *policy) url(raw string) (string, error) {
	if raw == "" {
		return "", &Invalid{InvalidURL, "the URL is empty"}
	}
	if len(raw) > MaxURLBytes {
		return "", tooLongURL()
	}
	if !utf8.ValidString(raw) {
		return "", &Invalid{InvalidURL, "the URL is not valid UTF-8"}
	}
	// A backslash is a slash to some parsers and part of the host to others; no URL needs one.
	if i := strings.IndexFunc(raw, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }); i >= 0 {
		return "", &Invalid{InvalidURL, "the URL contains a space, a control character or a backslash; remove or percent-encode it"}
	}
	if strings.Contains(raw, "#") {
		return "", &Invalid{InvalidURL, "the URL has a fragment, which is never sent; remove the part from # on"}
	}
	u, err := url.Parse(raw)
	if err != nil {
		// The error of net/url repeats the URL, and with it any password in it.
		if _, ok := errors.AsType[url.EscapeError](err); ok {
			return "", &Invalid{InvalidURL, "the URL has a % without two hexadecimal digits after it; write %25 for the character itself"}
		}
		return "", &Invalid{InvalidURL, "the URL cannot be parsed"}
	}
	switch {
	case u.Scheme == "https", u.Scheme == "http" && p.allowPrivate:
	default:
		return "", &Invalid{HTTPSRequired, "the URL must start with https://"}
	}
	if u.User != nil {
		return "", &Invalid{InvalidURL, "the URL contains a user name or password; use a header instead"}
	}
	if u.Opaque != "" || u.Hostname() == "" {
		return "", &Invalid{InvalidURL, "the URL has no host"}
	}
	host, err := p.host(u.Host)
	if err != nil {
		return "", err
	}
	port, err := p.urlPort(u)
	if err != nil {
		return "", err
	}
	// The raw path and query, not those that net/url has decoded: %2F is not a slash. There is no fragment.
	_, target, _ := strings.Cut(raw, "://")
	if i := strings.IndexAny(target, "/?"); i >= 0 {
		target = target[i:]
	} else {
		target = ""
	}
	path, query, asked := strings.Cut(target, "?")
	out := u.Scheme + "://" + host + port + escape(path, pathBytes)
	if asked {
		out += "?" + escape(query, queryBytes)
	}
	if len(out) > MaxURLBytes {
		return "", tooLongURL()
	}
	return out, nil
}

func tooLongURL() *Invalid {
	return &Invalid{InvalidTooLong, fmt.Sprintf("the URL is longer than %d bytes", MaxURLBytes)}
}

// host normalises the host of a URL's host[:port].
func (p *policy) host(hostport string) (string, error) {
	if literal, ok := strings.CutPrefix(hostport, "["); ok {
		literal, _, _ = strings.Cut(literal, "]")
		a, err := netip.ParseAddr(literal)
		switch {
		case err != nil || !a.Is6() || a.Zone() != "":
			return "", &Invalid{InvalidURL, "the host is not a valid IPv6 address"}
		case a.Is4In6():
			return "", &Invalid{AddressNotAllowed, "an IPv4 address must be written as four decimal numbers"}
		case !p.address(a):
			return "", forbiddenAddress()
		}
		return "[" + a.String() + "]", nil
	}
	given, _, _ := strings.Cut(hostport, ":")
	name, err := hosts.ToASCII(given)
	if err != nil || !utf8.ValidString(given) { // net/url has decoded it; IDNA would repair it to U+FFFD
		return "", &Invalid{InvalidURL, "the host is not a valid name; check its spelling"}
	}
	name = strings.TrimSuffix(name, ".") // the same host, but another Host header
	// What is stored must mean the same when it is read again, here or by the transport.
	if again, err := hosts.ToASCII(name); err != nil || again != name || !asciiHost(name) {
		return "", &Invalid{InvalidURL, "the host is not a valid name; check its spelling"}
	}
	if endsInNumber(name) {
		a, err := netip.ParseAddr(name)
		if err != nil {
			return "", &Invalid{AddressNotAllowed, "an IPv4 address must be written as four decimal numbers"}
		}
		if !p.address(a) {
			return "", forbiddenAddress()
		}
		return a.String(), nil
	}
	if !p.allowPrivate && isLocalhost(name) {
		return "", forbiddenAddress()
	}
	return name, nil
}

func forbiddenAddress() *Invalid {
	return &Invalid{AddressNotAllowed, "the host is an address that this server does not send to" + askOperator}
}

// asciiHost reports whether name is a host name that DNS can carry: labels of 1 to 63 letters, digits, hyphens and
// underscores, at most 253 bytes (RFC 1035, section 2.3.4). Upper case does not get here.
func asciiHost(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if len(label) < 1 || len(label) > 63 {
			return false
		}
		for _, b := range []byte(label) {
			if (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '-' && b != '_' {
				return false
			}
		}
	}
	return true
}

// endsInNumber reports whether a resolver may parse name as an IPv4 address, as inet_aton does with 127.1,
// 0x7f.1, 0177.0.0.1 and 2130706433: its last label is a decimal, octal or hexadecimal number (WHATWG URL, "ends in
// a number"). No top-level domain is one.
func endsInNumber(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	digits, hex := last, "0123456789"
	if rest, ok := strings.CutPrefix(last, "0x"); ok {
		digits, hex = rest, "0123456789abcdef"
	}
	return strings.Trim(digits, hex) == ""
}

// isLocalhost reports whether name is this host by RFC 6761, section 6.3, or by the hosts file of common systems.
func isLocalhost(name string) bool {
	switch name {
	case "localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback":
		return true
	}
	return strings.HasSuffix(name, ".localhost")
}

// urlPort returns ":port", or "" for the scheme's default.
func (p *policy) urlPort(u *url.URL) (string, error) {
	own := uint16(443)
	if u.Scheme == "http" {
		own = 80
	}
	n := own
	if text := u.Port(); text != "" {
		parsed, err := strconv.ParseUint(text, 10, 16)
		if err != nil || parsed == 0 {
			return "", &Invalid{InvalidURL, "the port is not a number from 1 to 65535"}
		}
		n = uint16(parsed)
	}
	if !p.port(n) {
		return "", &Invalid{PortNotAllowed, fmt.Sprintf("port %d is not allowed for webhooks; use 443 or a port that the operator allows", n)}
	}
	if n == own {
		return "", nil
	}
	return ":" + strconv.Itoa(int(n)), nil
}

// What need not be encoded, besides letters and digits. In a path: what net/url considers encoded already (RFC 3986, section
// 3.3, and brackets), so that it sends the text unchanged. In a query: all visible ASCII except double quotes, angle brackets and
// backticks; net/url sends it unchanged.
const (
	pathBytes  = "-._~!$&'()*+,;=:@%/[]"
	queryBytes = pathBytes + "?|{}^"
)

// escape percent-encodes the bytes of text that are neither letters, digits, nor in plain.
func escape(text, plain string) string {
	var out strings.Builder
	for _, b := range []byte(text) {
		if b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte(plain, b) >= 0 {
			out.WriteByte(b)
		} else {
			fmt.Fprintf(&out, "%%%02X", b)
		}
	}
	return out.String()
}
