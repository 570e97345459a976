package auth

import (
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/time/rate"

	"github.com/hookgraph/hookgraph/internal/intake"
)

// An address may fail to authenticate as often as this at once, and then once in each interval.
const (
	failuresAtOnce  = 20
	failureInterval = 3 * time.Second
	failuresMax     = 10_000 // addresses remembered
)

// TooManyFailures is a call that was not looked at, because its address has presented too many tokens that are not valid.
type TooManyFailures struct{ RetryAfter time.Duration }

func (e *TooManyFailures) Error() string {
	return fmt.Sprintf("too many calls with a token that is not valid; try again in %v", e.RetryAfter.Round(time.Second))
}

// failures counts the tokens that were not valid, by the address that presented them.
//
// A token that was valid within the last day is looked up whatever its address did: nobody behind the same NAT or
// proxy is locked out by somebody else's guesses, only kept from starting with a new token meanwhile. What is refused costs
// no look-up.
type failures struct {
	budgets *budgets[netip.Addr]
	known   *recent[[32]byte, struct{}] // hashes of tokens that were valid
}

func newFailures() *failures {
	return &failures{
		budgets: newBudgets[netip.Addr](rate.Every(failureInterval), failuresAtOnce, failuresMax),
		known:   newRecent[[32]byte, struct{}](knownFor, rememberMax),
	}
}

// knownFor is how long a token that was valid is still looked up for an address that has failed too often.
const knownFor = 24 * time.Hour

// refuse returns an error when the address has failed too often to present a token that is not known.
func (f *failures) refuse(from netip.Addr, hash [32]byte) error {
	wait := f.budgets.wait(intake.Source(from))
	if wait == 0 || f.known.has(hash) {
		return nil
	}
	return &TooManyFailures{RetryAfter: wait}
}

// failed counts a token that is not valid.
func (f *failures) failed(from netip.Addr, hash [32]byte) {
	f.known.drop(hash)
	f.budgets.spend(intake.Source(from), 1)
}

// succeeded remembers a token that is valid.
func (f *failures) succeeded(hash [32]byte) { f.known.put(hash, struct{}{}) }
