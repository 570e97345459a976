//go:build linux

package app

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// ownMounts returns a command that executes its arguments where they may mount file systems of their own, for nobody else; nil where the system does not
// allow that, which fails the test in CI.
func ownMounts(t *testing.T) []string {
	t.Helper()
	by := []string{"unshare", "--map-root-user", "--mount"}
	if said, err := exec.CommandContext(t.Context(), by[0], append(by[1:], "true")...).CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%v: %s", err, said)
		}
		return nil
	}
	return by
}

// A backup for which the disk has too little room is refused before it fills the disk, and says so; nothing is left of it. The server goes on, and its
// backup elsewhere succeeds.
func TestBackupWithoutRoom(t *testing.T) {
	by := ownMounts(t)
	if by == nil {
		t.Skip("no file systems can be mounted here")
	}
	dir, small := t.TempDir(), t.TempDir()
	p := boot(t, dir)
	c := &client{p.url, p.token}
	c.publish(t, "a.b")
	args := append(by, "sh", "-c", `mount -t tmpfs -o size=4M none "$1"
		"$0" backup "$1/backup" --database "$2"
		echo "ended with $?, left: $(ls -A "$1")"`, os.Args[0], small, dir)
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "HOOKGRAPH_TEST_MAIN=1")
	said, err := cmd.CombinedOutput()
	if text := string(said); err != nil || !strings.Contains(text, "there is no room for the backup in "+small) || !strings.Contains(text, "ended with 1, left: \n") {
		t.Errorf("%v: %s", err, said)
	}
	c.publish(t, "a.b")
	p.command(t, "backup", t.TempDir()+"/backup")
}
