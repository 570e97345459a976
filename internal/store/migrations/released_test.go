package migrations_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/store/migrations"
)

// A step of the schema that was released is never changed or removed: databases have it already. What is to change is a new step. `.ci/release
// --copies VERSION` notes the checksums of a release.
func TestReleasedStepsStay(t *testing.T) {
	f, err := os.Open("testdata/released")
	if errors.Is(err, fs.ErrNotExist) {
		return // nothing is released
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	lines, n := bufio.NewScanner(f), 0
	for ; lines.Scan(); n++ {
		sum, name, _ := strings.Cut(lines.Text(), "  ")
		text, err := migrations.FS.ReadFile(name)
		if err != nil {
			t.Errorf("a released step: %v", err)
			continue
		}
		if is := sha256.Sum256(text); hex.EncodeToString(is[:]) != sum {
			t.Errorf("%s was released, and is changed: undo that, and add a step with the next number", name)
		}
	}
	if err := lines.Err(); err != nil || n < 2 {
		t.Errorf("%d released steps, %v", n, err)
	}
}
