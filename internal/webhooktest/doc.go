// Package webhooktest has what several packages' tests need: a store that is thrown away, and a receiver that notes what
// it gets. For tests only.
package webhooktest
