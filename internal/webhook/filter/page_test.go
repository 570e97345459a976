package filter

import (
	"os"
	"regexp"
	"testing"
)

// The filters in the tables of docs/filters.md match the event of the page, or do not, as it says.
func TestFiltersPage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/filters.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(page, -1)
	rows := regexp.MustCompile("(?m)^\\| `(\\{.*\\})` \\| (yes|no) \\|$").FindAllSubmatch(page, -1)
	if len(blocks) != 2 || len(rows) != 21 {
		t.Fatalf("%d blocks of JSON and %d filters were found", len(blocks), len(rows))
	}
	for _, row := range rows {
		if got := compileFilter(t, string(row[1])).Match("payment.failed", []string{"live", "eu"}, blocks[1][1]); got != (string(row[2]) == "yes") {
			t.Errorf("%s: %v", row[1], got)
		}
	}
}
