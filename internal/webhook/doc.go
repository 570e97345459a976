// Package webhook is the domain, without database or network: the types and their rules, the retry
// schedule, and the signature. It knows nothing of the product but itself; everything else imports it.
package webhook
