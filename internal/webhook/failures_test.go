package webhook

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var updatePage = flag.Bool("update", false, "write the table of failures into docs/api/failures.md")

// The guide to the API has the table of explanations as it is in the code: a row for each, with the same texts.
func TestFailuresPage(t *testing.T) {
	const name, head = "../../docs/api/failures.md", "| code | what happened | usual cause | what to do |\n|---|---|---|---|\n"
	page, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(page), head)
	if !found {
		t.Fatalf("%s does not have the table %q", name, head)
	}
	_, after, _ := strings.Cut(rest, "\n\n")
	want := before + head + failuresTable() + "\n" + after
	if *updatePage {
		if err := os.WriteFile(name, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if string(page) != want {
		t.Errorf("%s differs from the code: run go test ./internal/webhook -run TestFailuresPage -update", name)
	}
}

func failuresTable() string {
	var table strings.Builder
	for i := range reasons {
		r := &reasons[i]
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", r.code, happened(r), r.cause, r.advice)
	}
	return table.String()
}

// happened is the summary of a row; of a status, what its summary is for.
func happened(r *reason) string {
	switch {
	case r.summary != "":
		return r.summary
	case r.from == 0:
		return "The receiver answered any other status."
	case r.from == r.to:
		return statusSummary(&r.from)
	}
	for i := range reasons {
		if other := &reasons[i]; other != r && other.from >= r.from && other.from <= r.to {
			return fmt.Sprintf("The receiver answered any other status from %d to %d.", r.from, r.to)
		}
	}
	return fmt.Sprintf("The receiver answered a status from %d to %d.", r.from, r.to)
}
