// Package webhook is the domain, without database or network: the types and their rules, the retry
// schedule, and the signature. It imports the standard library only; everything else imports it.
package webhook
