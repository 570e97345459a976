package filter

import (
	"os"
	"regexp"
	"slices"
	"strings"
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

// The conditions that docs/filters.md calls exact are guards, and the filters of which it says that they have none have none.
func TestFiltersPageGuards(t *testing.T) {
	page, err := os.ReadFile("../../../docs/filters.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| filter | exact condition |")
	rows := regexp.MustCompile("(?m)^\\| `(\\{.*?\\})` \\| (none|`(.*?)`)").FindAllStringSubmatch(table, -1)
	if len(rows) != 5 {
		t.Fatalf("%d filters were found", len(rows))
	}
	for _, row := range rows {
		var paths []string
		for _, g := range compileFilter(t, row[1]).guards() {
			paths = append(paths, strings.Join(g.path, "."))
		}
		if want := row[3]; want == "" && len(paths) > 0 || want != "" && !slices.Equal(paths, []string{want}) {
			t.Errorf("%s: %q, want %q", row[1], paths, want)
		}
	}
}
