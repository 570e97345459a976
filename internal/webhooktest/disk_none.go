//go:build !linux || !cgo

package webhooktest

import "testing"

// Disk is a disk that fails on demand; this system has none.
type Disk struct{}

// NewDisk returns nil.
func NewDisk(testing.TB) *Disk { return nil }

// Env returns nil.
func (*Disk) Env() []string { return nil }

// Order does nothing.
func (*Disk) Order(testing.TB, string) {}
