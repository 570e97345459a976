package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/time/rate"

	"github.com/hookgraph/hookgraph/internal/intake"
)

// An address may fail to authenticate this often at once, and then once per interval.
const (
	failuresAtOnce  = 20
	failureInterval = 3 * time.Second
	failuresMax     = 10_000 // addresses remembered
)

// Beyond that, its tokens are still looked up at a bounded rate, so that valid ones are accepted.
const (
	lookupsPerSource = 100 // a second
	lookupsForAll    = 500 // a second, of all such addresses
)

// An invalid token is not looked up again for badFor. Within guessedFor, a token counts once for an address, however often it is
// presented.
const (
	badFor     = 5 * time.Second
	guessedFor = time.Hour
)

// TooManyFailures is a call from an address that has presented too many invalid tokens, with another invalid token, or with one
// that was not looked up because the address exceeds the rate of lookups.
type TooManyFailures struct{ RetryAfter time.Duration }

// Error implements error; callers may be shown it.
func (e *TooManyFailures) Error() string {
	return fmt.Sprintf("too many calls with a token that is not valid; try again in %v", e.RetryAfter.Round(time.Second))
}

// failures counts guesses, that is unknown tokens and portal links that do not work, by the address that presented them. A revoked or expired token is not a guess,
// and a repeated one does not count again.
//
// A token has 256 random bits, so only the cost of guessing must be bounded, not its success: no address is locked out for what
// others behind the same NAT or proxy do. Beyond its guesses, each wrong token is answered with a time to wait, and further tokens
// are looked up at a bounded rate. A token that was valid within the last day is always looked up.
type failures struct {
	guesses *budgets[netip.Addr]
	known   *recent[[32]byte, struct{}] // hashes of tokens that were valid
	bad     *recent[[32]byte, error]    // why a token is not valid
	guessed *recent[guess, struct{}]    // what has been counted
	lookups *budgets[netip.Addr]        // of addresses without guesses left
	all     *rate.Limiter               // the same, together
}

type guess struct {
	from netip.Addr
	hash [32]byte
}

func newFailures() *failures {
	return &failures{
		guesses: newBudgets[netip.Addr](rate.Every(failureInterval), failuresAtOnce, failuresMax),
		known:   newRecent[[32]byte, struct{}](knownFor, rememberMax),
		bad:     newRecent[[32]byte, error](badFor, rememberMax),
		guessed: newRecent[guess, struct{}](guessedFor, rememberMax),
		lookups: newBudgets[netip.Addr](lookupsPerSource, lookupsPerSource, failuresMax),
		all:     rate.NewLimiter(lookupsForAll, lookupsForAll),
	}
}

// knownFor is how long a token that was valid is still looked up for an address that has failed too often.
const knownFor = 24 * time.Hour

// refuse returns an error if the token must not be looked up: it was found invalid a moment ago, or the address has no guesses
// left and exceeds the rate of lookups.
func (f *failures) refuse(from netip.Addr, hash [32]byte) error {
	if err, ok := f.bad.peek(hash); ok {
		return err
	}
	source := intake.Source(from)
	wait := f.guesses.wait(source)
	if wait == 0 || f.known.has(hash) || f.lookups.spend(source, 1) == 0 && f.all.Allow() {
		return nil
	}
	return &TooManyFailures{RetryAfter: wait}
}

// failed remembers an invalid token, counts it if it is a guess, and returns the error for the caller.
func (f *failures) failed(from netip.Addr, hash [32]byte, err error) error {
	f.known.drop(hash)
	f.bad.put(hash, err)
	g := guess{intake.Source(from), hash}
	if !errors.Is(err, ErrUnknownToken) && !errors.Is(err, ErrLink) || f.guessed.has(g) {
		return err
	}
	f.guessed.put(g, struct{}{})
	if wait := f.guesses.spend(g.from, 1); wait > 0 {
		return &TooManyFailures{RetryAfter: wait}
	}
	return err
}

// succeeded remembers a valid token.
func (f *failures) succeeded(hash [32]byte) { f.known.put(hash, struct{}{}) }
