package webhook

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// errorCodes returns the values of all ErrorCode constants in the source, so that a new one cannot be forgotten.
func errorCodes(t *testing.T) []ErrorCode {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "attempt.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []ErrorCode
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if name, ok := spec.Type.(*ast.Ident); ok && name.Name == "ErrorCode" {
				value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				codes = append(codes, ErrorCode(value))
			}
		}
		return true
	})
	if len(codes) < 9 {
		t.Fatalf("found %d error codes", len(codes))
	}
	return codes
}

// Every error code is explained, whatever its message says, and the row that fits every message comes last of its code.
func TestEveryCodeIsExplained(t *testing.T) {
	for _, code := range errorCodes(t) {
		a := &Attempt{Status: AttemptFailed, Error: &code, Message: "something that nobody has seen yet", Number: 1}
		e := Explain(a, &Delivery{Status: Pending, AttemptCount: 1})
		if e == nil || strings.Contains(e.Cause, "does not know the reason") {
			t.Errorf("%s is not explained: %+v", code, e)
		}
		last := -1
		for i := range reasons {
			if reasons[i].code != code {
				continue
			}
			if last >= 0 && reasons[last].says == "" && reasons[last].from == 0 {
				t.Errorf("%s: row %d cannot be reached, row %d fits everything", code, i, last)
			}
			last = i
		}
	}
}

// Every status from 100 to 999 except 2xx is explained, and its summary names it.
func TestEveryStatusIsExplained(t *testing.T) {
	code := ErrorHTTPStatus
	for status := 100; status <= 999; status++ {
		if status >= 200 && status <= 299 {
			continue
		}
		e := Explain(&Attempt{Status: AttemptFailed, Error: &code, ResponseStatus: &status, Number: 1}, nil)
		if !strings.HasPrefix(e.Summary, "The receiver answered "+strconv.Itoa(status)) || e.Cause == "" || e.Advice == "" {
			t.Errorf("%d: %+v", status, e)
		}
	}
}

// Each part of a message that tells reasons apart is in a message that the sender writes: a changed message must not make its
// explanation less exact without notice.
func TestReasonsAreInMessages(t *testing.T) {
	var source []byte
	for _, name := range []string{"../egress/result.go", "../egress/identity.go", "../sender/oauth.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source = append(source, text...)
	}
	for _, r := range reasons {
		if r.says != "" && !strings.Contains(string(source), r.says) {
			t.Errorf("no message of internal/egress or internal/sender says %q", r.says)
		}
	}
}

// The sentences are sentences.
func TestExplanationsAreSentences(t *testing.T) {
	for _, r := range reasons {
		for _, text := range []string{r.summary, r.cause, r.advice} {
			if text == "" && r.code == ErrorHTTPStatus {
				continue
			}
			if !strings.HasSuffix(text, ".") || text[:1] != strings.ToUpper(text[:1]) {
				t.Errorf("%s %q: %q is not a sentence", r.code, r.says, text)
			}
		}
	}
}

// What happens next follows from the delivery as it is, not as it was after the attempt.
func TestWhatFollows(t *testing.T) {
	code, at, expired, status := ErrorTimeout, time.Date(2026, 4, 23, 10, 0, 0, 0, time.UTC), FailureExpired, FailureStatus
	a := &Attempt{Status: AttemptFailed, Error: &code, Number: 2}
	for want, d := range map[string]*Delivery{
		"no longer stored":            nil,
		"Attempt 3 was made":          {Status: DeliverySucceeded, AttemptCount: 3},
		"due at 2026-04-23T10:00:00Z": {Status: Pending, AttemptCount: 2, NextAttemptAt: &at},
		"is running":                  {Status: Pending, AttemptCount: 2},
		"is held":                     {Status: Held, AttemptCount: 2},
		"schedule is exhausted":       {Status: DeliveryFailed, AttemptCount: 2},
		"due for longer":              {Status: DeliveryFailed, AttemptCount: 2, FailureReason: &expired},
		"noRetryStatuses has":         {Status: DeliveryFailed, AttemptCount: 2, FailureReason: &status},
		"was canceled":                {Status: Canceled, AttemptCount: 2},
	} {
		if e := Explain(a, d); !strings.Contains(e.Next, want) {
			t.Errorf("next is %q, want %q", e.Next, want)
		}
	}
	if e := Explain(&Attempt{Status: AttemptSucceeded}, nil); e != nil {
		t.Errorf("a success is explained: %+v", e)
	}
}
