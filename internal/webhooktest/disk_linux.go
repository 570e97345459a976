//go:build cgo

package webhooktest

import (
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

//go:embed testdata/disk.c
var diskShim []byte

// Disk is a disk that fails on demand; testdata/disk.c lists the orders.
type Disk struct{ lib, order string }

// NewDisk builds the shim. It returns nil if that is not possible: without a C compiler, on other systems than Linux, and if the
// program is not linked to a C library. In CI it fails the test instead.
func NewDisk(tb testing.TB) *Disk {
	tb.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatal(err)
		}
		return nil
	}
	dir := tb.TempDir()
	source, lib := filepath.Join(dir, "disk.c"), filepath.Join(dir, "disk.so")
	if err := os.WriteFile(source, diskShim, 0o600); err != nil {
		tb.Fatal(err)
	}
	out, err := exec.CommandContext(tb.Context(), cc, "-shared", "-fPIC", "-O1", "-Wall", "-o", lib, source, "-ldl", "-lpthread").CombinedOutput()
	if err != nil {
		tb.Fatalf("%v: %s", err, out)
	}
	return &Disk{lib: lib, order: filepath.Join(dir, "order")}
}

// Env returns the environment for a process that uses the disk; nil without a disk.
func (d *Disk) Env() []string {
	if d == nil {
		return nil
	}
	return []string{"LD_PRELOAD=" + d.lib, "DISK_ORDER=" + d.order}
}

// Order gives an order; "" revokes it. Without a disk it does nothing.
func (d *Disk) Order(tb testing.TB, order string) {
	tb.Helper()
	if d == nil {
		return
	}
	var err error
	if order == "" {
		if err = os.Remove(d.order); os.IsNotExist(err) {
			err = nil
		}
	} else if err = os.WriteFile(d.order+".new", []byte(order), 0o600); err == nil {
		err = os.Rename(d.order+".new", d.order) // it is read whole or not at all
	}
	if err != nil {
		tb.Fatal(err)
	}
}
