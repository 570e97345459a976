//go:build !race

package webhooktest

// Race says that the race detector is on.
const Race = false
