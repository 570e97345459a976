package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// errProxy is the refusal of a proxy to connect.
var errProxy = errors.New("the proxy does not connect")

// mostNames is how many names of a certificate are told.
const mostNames = 3

// explain returns why a call failed, in words that say what is wrong, and what to do; "" if it is nothing about certificates and proxies. of is who
// must have the right certificate.
func explain(err error, of string) (why, remedy string) {
	const clock = ", or correct the clock of this host if that is wrong"
	op, isOp := errors.AsType[*net.OpError](err)
	isProxy := isOp && op.Op == "proxyconnect"
	whose := "its"
	if isProxy {
		whose, of = "the proxy's", "the proxy"
	}
	if bad, ok := errors.AsType[x509.CertificateInvalidError](err); ok && bad.Reason == x509.Expired {
		if time.Now().Before(bad.Cert.NotBefore) {
			return fmt.Sprintf("%s certificate is valid only from %s", whose, bad.Cert.NotBefore.UTC().Format(time.RFC3339)), "wait" + clock
		}
		return fmt.Sprintf("%s certificate expired at %s", whose, bad.Cert.NotAfter.UTC().Format(time.RFC3339)), "renew the certificate of " + of + clock
	}
	if bad, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Sprintf("%s certificate is %s, not for %s", whose, named(bad.Certificate), bad.Host),
			"use the name that the certificate of " + of + " is for, or give it a certificate for this one"
	}
	if bad, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		const install = "install the root certificate on this host (or name it in SSL_CERT_FILE)"
		leaf := bad.Cert // perhaps a certificate above it
		if all, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(all.UnverifiedCertificates) > 0 {
			leaf = all.UnverifiedCertificates[0]
		}
		if leaf == nil || slices.Equal(leaf.RawIssuer, leaf.RawSubject) {
			return whose + " certificate is self-signed: nothing on this host says that it is genuine", install + ", or give " + of + " a public one"
		}
		return fmt.Sprintf("%s certificate was issued by %q, which this host does not know", whose, leaf.Issuer.String()),
			"if a proxy inspects TLS, let it pass these connections; otherwise " + install + ", have " + of + " send its whole chain, or give it a public certificate"
	}
	if isProxy || errors.Is(err, errProxy) {
		return err.Error(), "correct --forward-proxy, start the proxy, or let it connect this host"
	}
	return err.Error(), ""
}

// named returns whom a certificate is for.
func named(c *x509.Certificate) string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	switch {
	case len(names) == 0:
		return "for no host"
	case len(names) > mostNames:
		names = append(names[:mostNames], fmt.Sprintf("%d others", len(names)-mostNames))
	}
	return "for " + strings.Join(names, ", ")
}
