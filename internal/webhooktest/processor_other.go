//go:build !unix

package webhooktest

import "time"

var begun = time.Now()

// ProcessorTime returns the time since the process began, which is more than the processor time that it has used.
func ProcessorTime() time.Duration { return time.Since(begun) }
