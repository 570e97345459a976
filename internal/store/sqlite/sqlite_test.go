package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/migrations"
)

func fresh(t *testing.T) *gorm.DB {
	t.Helper()
	db, err := openFile(filepath.Join(t.TempDir(), "x.db"), false, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dialect.ClosePool(db) })
	return db
}

// Whoever may not use a directory is told what to do.
func TestUnusableDirectories(t *testing.T) {
	for cause, want := range map[error]string{
		syscall.EACCES: "permission denied; give the directory to the user of this process (chown), or give another directory",
		syscall.EROFS:  "read-only file system; mount it so that it can be written, or give another directory",
		syscall.EIO:    "input/output error",
	} {
		if err := advised(fmt.Errorf("data directory: %w", &fs.PathError{Op: "mkdir", Path: "x", Err: cause})); err.Error() != "data directory: mkdir x: "+want || !errors.Is(err, cause) {
			t.Errorf("%v: %v", cause, err)
		}
	}
	if advised(nil) != nil {
		t.Error("nothing is an error")
	}
}

// A database whose settings, as read back, could lose acknowledged rows is refused.
func TestPragmas(t *testing.T) {
	if db := fresh(t); checkPragmas(db) != nil {
		t.Error(checkPragmas(db))
	}
	for _, pragma := range []string{"synchronous = NORMAL", "synchronous = OFF", "foreign_keys = OFF", "journal_mode = DELETE"} {
		db := fresh(t)
		if err := db.Exec("PRAGMA " + pragma).Error; err != nil {
			t.Fatal(err)
		}
		if name, _, _ := strings.Cut(pragma, " "); checkPragmas(db) == nil || !strings.Contains(checkPragmas(db).Error(), name) {
			t.Errorf("%s: %v", pragma, checkPragmas(db))
		}
	}
}

// A statement that is planned once has one plan for all values, and the same results.
func TestPlannedOnce(t *testing.T) {
	for text, want := range map[string]string{
		"a = ? AND b IN (?,?) LIMIT ?":    "a = +? AND b IN (+?,+?) LIMIT +?",
		"a = '?' AND b = 'it''s ?' || ?":  "a = '?' AND b = 'it''s ?' || +?",
		`"what?" = ? AND ` + "`why?` = ?": `"what?" = +? AND ` + "`why?` = +?",
		"":                                "",
	} {
		if got := PlannedOnce(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	db := fresh(t)
	for _, text := range []string{
		"CREATE TABLE parts (kind TEXT, place INTEGER)", "CREATE INDEX bolts ON parts (place) WHERE kind = 'bolt'",
		"INSERT INTO parts VALUES ('bolt', 2), ('bolt', 1), ('nut', 1)",
	} {
		if err := db.Exec(text).Error; err != nil {
			t.Fatal(err)
		}
	}
	conns, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	const bolts = "SELECT rowid FROM parts WHERE kind = ? AND place = ?"
	for text, indexed := range map[string]bool{bolts: true, PlannedOnce(bolts): false} {
		var plan string
		var id int
		if err := conns.QueryRowContext(t.Context(), "EXPLAIN QUERY PLAN "+text, "bolt", 1).Scan(new(any), new(any), new(any), &plan); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(plan, "bolts") != indexed {
			t.Errorf("%s: the plan for a value is %s", text, plan)
		}
		if err := conns.QueryRowContext(t.Context(), text, "bolt", 1).Scan(&id); err != nil || id != 2 {
			t.Errorf("%s: row %d, %v", text, id, err)
		}
	}
}

// Callers who wait for one statement to be prepared get it, although the caller who prepares it leaves.
func TestPreparedForOthers(t *testing.T) {
	db := fresh(t)
	conns, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		text := fmt.Sprintf("SELECT %d", i)
		busy, err := conns.Conn(t.Context()) // the only connection
		if err != nil {
			t.Fatal(err)
		}
		waits := conns.Stats().WaitCount
		leaving, leave := context.WithCancel(t.Context())
		var left, others sync.WaitGroup
		left.Go(func() { _ = db.WithContext(leaving).Exec(text).Error })
		for conns.Stats().WaitCount == waits {
			runtime.Gosched()
		}
		for range 5 {
			others.Go(func() {
				var got int
				if err := db.WithContext(t.Context()).Raw(text).Scan(&got).Error; err != nil || got != i {
					t.Errorf("%s: %d, %v", text, got, err)
				}
			})
			runtime.Gosched()
		}
		leave()
		if err := busy.Close(); err != nil {
			t.Fatal(err)
		}
		left.Wait()
		others.Wait()
	}
}

// A result code is one of a temporary error or not; corruption is not.
func TestTransientCodes(t *testing.T) {
	for code, want := range map[int]bool{
		3: true, 5: true, 5 | 2<<8: true, 6: true, 7: true, 8: true, 8 | 2<<8: true, 9: true, 10: true, 10 | 4<<8: true, 13: true, 14: true, 15: true,
		10 | 33<<8: false, 10 | 32<<8: false, 11: false, 11 | 1<<8: false, 26: false, 1: false, 19: false, 20: false, 21: false, 0: false,
	} {
		if transientCode(code) != want {
			t.Errorf("result code %d passes: %v", code, !want)
		}
	}
}

// A claim, and the promotion of the next delivery of a line, find their rows along an index in its order: nothing is scanned or sorted, whatever waits.
func TestOrderingPlans(t *testing.T) {
	db := fresh(t)
	text, err := fs.ReadFile(migrations.FS, "sqlite/00001_start.sql")
	if err != nil {
		t.Fatal(err)
	}
	up, _, _ := strings.Cut(string(text), "-- +goose Down")
	pool, err := db.DB()
	if err == nil {
		_, err = pool.ExecContext(t.Context(), up)
	}
	if err != nil {
		t.Fatal(err)
	}
	for statement, index := range map[string]string{
		dueDeliveries:   "USING INDEX deliveries_due (webhook_id=? AND due_at<?)",
		nextDueDelivery: "deliveries_due (webhook_id=? AND due_at>?)",
		promoteHeads:    "deliveries_line (line=? AND place>?)",
	} {
		args := make([]any, strings.Count(statement, "?"))
		var plan []struct{ Detail string }
		if err := db.Raw("EXPLAIN QUERY PLAN "+statement, args...).Scan(&plan).Error; err != nil {
			t.Fatal(err)
		}
		found := ""
		for _, line := range plan {
			found += line.Detail + "\n"
			if bad := strings.HasPrefix(line.Detail, "SCAN") && !strings.HasPrefix(line.Detail, "SCAN v "); bad || strings.Contains(line.Detail, "TEMP B-TREE") {
				t.Errorf("%s: %s", line.Detail, statement)
			}
		}
		if !strings.Contains(found, index) {
			t.Errorf("%s\nhas the plan\n%s, want %s", statement, found, index)
		}
	}
}
