//go:build unix

package transfer

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// A backup whose disk becomes full fails, says where, and leaves nothing. The open store goes on, and a backup with room succeeds.
func TestBackupOnFullDisk(t *testing.T) {
	const child = "TRANSFER_TEST_FULL"
	if os.Getenv(child) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBackupOnFullDisk$")
		cmd.Env = append(os.Environ(), child+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	dir, to := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	s, c := owned(t, dir)
	if err := publish(t.Context(), c, 1000); err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	s, c = owned(t, dir)
	defer closed(t, s)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	full := before
	full.Cur = 1 << 20 // less than the database, and more than its log
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
		t.Fatal(err)
	}
	if _, err := Backup(t.Context(), BackupOptions{Dir: dir}, to); err == nil || !strings.Contains(err.Error(), filepath.Dir(to)) || !strings.Contains(err.Error(), "the disk ") {
		t.Errorf("on a full disk: %v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(to)); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
	if err := publish(t.Context(), c, 10); err != nil {
		t.Errorf("after it, nothing can be published: %v", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	webhooktest.Eventually(t, "the store is well", func() bool { return s.Ready(t.Context()) == nil })
	if _, err := Backup(t.Context(), BackupOptions{Dir: dir}, to); err != nil {
		t.Error(err)
	}
}
