package auth

import (
	"context"
	"errors"
	"net/netip"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// ErrLink is a portal link that does not work, whatever the reason: nobody learns from it whether the link ever existed.
var ErrLink = errors.New("this link does not work: it was opened before, was revoked, or has expired; ask for another one")

// ErrNoSession is an ErrForbidden: a token where a portal session is required.
var ErrNoSession = &noSession{}

type noSession struct{}

func (*noSession) Error() string {
	return "a portal session is required, and the credential is that of a token"
}

func (*noSession) Unwrap() error { return ErrForbidden }

// OpenLink calls open with the code of a portal link, which returns webhook.ErrNotFound if it does not work; then the error is ErrLink. An address
// that guesses codes is slowed as one that guesses tokens, and gets *TooManyFailures.
func (a *Authenticator) OpenLink(ctx context.Context, from netip.Addr, code string, open func() error) error {
	if len(code) > MaxTokenBytes {
		return ErrLink
	}
	hash := [32]byte(webhook.HashToken("portal link " + code)) // differs from that of a token
	if err := a.failed.refuse(from, hash); err != nil {
		return a.refused(ctx, from, err)
	}
	err := open()
	if errors.Is(err, webhook.ErrNotFound) {
		return a.refused(ctx, from, a.failed.failed(from, hash, ErrLink))
	}
	return err
}

// CheckSession returns nil if the caller is a portal session.
func CheckSession(c *Caller) error {
	if !c.Token.Portal {
		return ErrNoSession
	}
	return nil
}
