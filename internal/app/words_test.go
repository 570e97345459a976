package app

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"regexp/syntax"
	"strings"
	"testing"
)

// sources are the files of the tree with names of these forms, and their content.
func sources(t *testing.T, forms ...string) map[string][]byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", append([]string{"ls-files", "--cached", "--others", "--exclude-standard"}, forms...)...).Output()
	if err != nil {
		t.Skip(err) // not a checkout
	}
	files := map[string][]byte{}
	for name := range strings.FieldsSeq(string(out)) {
		text, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue // removed, and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		files[name] = text
	}
	if len(files) < 200 {
		t.Fatalf("%d files were found", len(files))
	}
	return files
}

// oddWords are words and phrases that must not come back, with their replacements.
var oddWords = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(?i)\bcan not\b( only)?`), "cannot"},
	{regexp.MustCompile(`(?i)\bfor ever\b`), "forever, or indefinitely"},
	{regexp.MustCompile(`(?i)\banew\b`), "again, or new"},
	{regexp.MustCompile(`(?i)\bin vain\b`), "without success"},
	{regexp.MustCompile(`(?i)\bfor want of\b`), "because there is no"},
	{regexp.MustCompile(`(?i)\bagain and again\b`), "repeatedly"},
	{regexp.MustCompile(`(?i)\bfor good\b`), "permanently, or durably"},
	{regexp.MustCompile(`(?i)\bas good as\b`), "equivalent to, or the same as"},
	{regexp.MustCompile(`(?i)\bwhat came of\b`), "the payload of, or the result of"},
	{regexp.MustCompile(`(?i)\bempty when it worked\b`), "empty on success"},
	{regexp.MustCompile(`(?i)\bnam(es|ing) nothing\b`), "does not exist"},
	{regexp.MustCompile(`(?i)\bwhosever\b`), "of all tenants, or whoever owns it"},
	{regexp.MustCompile(`(?i)\bas mighty\b`), "grants the same scopes"},
	{regexp.MustCompile(`(?i)\bsomething or other\b`), "the result is unspecified"},
	{regexp.MustCompile(`(?i)\bmay (it|they)\b`), "whether it may"},
	{regexp.MustCompile(`(?i)\bcalls? (a|the) \w+ off\b`), "cancels"},
	{regexp.MustCompile(`\bwants? \w*\.?mu\b`), "the caller must hold mu"},
	{regexp.MustCompile(`^\s*// \w+ is [\w.]+'s\.`), "implements"},
	{regexp.MustCompile(`(?i)\bhow many from the (start|end)\b`), "the number of elements to return"},
	{regexp.MustCompile(`(?i)\bno bound\b`), "unlimited"},
	{regexp.MustCompile(`\b(needs? mu|mu must be held)\b`), "the caller must hold mu"},
	{regexp.MustCompile(`(?i)\bis (the )?\w+'s to (know|decide|bound|make|see)\b`), "the store decides"},
	{regexp.MustCompile(`(?i)\bagainst whom\b`), "the tenant and token that it counts for"},
	{regexp.MustCompile(`(?i)\bby whomever\b`), "by any caller"},
	{regexp.MustCompile(`(?i)\bwhosoever\b`), "whoever"},
	{regexp.MustCompile(`(?i)\bsees? to it\b`), "ensures that"},
	{regexp.MustCompile(`(?i)\btakes? \w+ apart\b`), "parses"},
	{regexp.MustCompile(`(?i)\bto and fro\b`), "back and forth, or flaps"},
	{regexp.MustCompile(`(?i)\bgood for nothing\b`), "invalid"},
	{regexp.MustCompile(`(?i)\bhas? (a|no) part in it\b`), "is involved"},
	{regexp.MustCompile(`(?i)\bof theirs\b`), "their"},
	{regexp.MustCompile(`(?i)\bover and over\b`), "repeatedly"},
	{regexp.MustCompile(`(?i)\bforth (and|or) back\b`), "forward or backward"},
	{regexp.MustCompile(`(?i)\bwhomever\b`), "whoever, or any caller"},
	{regexp.MustCompile(`(?i)\bwhat(ever)? ((has|had|have) )?(be(come|comes|came)) of\b`), "the result of, or the state of"},
	{regexp.MustCompile(`(?i)\btak(e|es|ing) the place of\b`), "replaces"},
	{regexp.MustCompile(`(?i)\bin (nobody|(a|the|one) tenant)'s name\b`), "restricted to the tenant, or to none"},
	{regexp.MustCompile(`(?i)\bas a rule\b`), "usually"},
	{regexp.MustCompile(`(?i)\b(each|least|about|of|after) so many\b|\bso many (attempts|bytes|calls|connections|deliveries|events|requests|rows|times|webhooks)\b`), "the given number of"},
	{regexp.MustCompile(`(?i)\bkeeps? nobody\b`), "keeps no one, or prevents nobody"},
	{regexp.MustCompile(`(?i)\bwhat is left of\b`), "the rest of, or the remaining"},
	{regexp.MustCompile(`(?i)\bwhich is what\b`), "that is, or a sentence of its own"},
	{regexp.MustCompile(`(?i)\bof the ones\b`), "of those, or their noun"},
	{regexp.MustCompile(`(?i)\bof a program that serves\b`), "of a server"},
	{regexp.MustCompile(`(?i)\bwhat is asked for\b`), "what is requested, or the requested"},
	{regexp.MustCompile(`(?i)\bwhat is not there\b`), "absent, or missing"},
	{regexp.MustCompile(`(?i)\b(hang|hangs) on (it|them)\b`), "belong to"},
	{regexp.MustCompile(`(?i)\bas far as limit\b`), "up to limit"},
	{regexp.MustCompile(`(?i)\bin the place of\b`), "replaces, or instead of"},
	{regexp.MustCompile(`(?i)\btells? of (a|an|each|every|its|others|the|what|webhooks)\b`), "reports, or has"},
	{regexp.MustCompile(`(?i)\bmay be (any|some)body's\b`), "may belong to any tenant"},
	{regexp.MustCompile(`(?i)\bbeside one another\b`), "concurrently"},
	{regexp.MustCompile(`(?i)\bwhoever's turn\b`), "whatever their turns"},
	{regexp.MustCompile(`(?i)\b(are|was|were) told of\b`), "receives, or hears of"},
	{regexp.MustCompile(`(?i)\bcannot be told one by one\b`), "too many to send one by one"},
	{regexp.MustCompile(`(?i)\b(begins?|begin) so\b`), "begins with it"},
	{regexp.MustCompile(`(?i)\bas good\b`), "the same, or used instead"},
	{regexp.MustCompile(`(?i)\bis not there (and may be made|is missing)\b|\bif it is not there\b|\bwhen it is not there\b`), "if it does not exist"},
	{regexp.MustCompile(`(?i)\btaken apart\b`), "parsed"},
	{regexp.MustCompile(`(?i)\b(error|errors) of GraphQL's\b`), "a GraphQL error"},
	{regexp.MustCompile(`(?i)\bwith the power\b`), "in a power failure"},
	{regexp.MustCompile(`(?i)\bup to which (it|they) looked\b|\blooks? (it|them) through\b`), "searched up to"},
	{regexp.MustCompile(`(?i)\bhow well deliveries\b`), "the health of"},
	{regexp.MustCompile(`(?i)\bwhat all tenants have\b`), "the objects of all tenants"},
	{regexp.MustCompile(`(?i)\bnor all of one\b|\bor not all of one\b`), "or is incomplete"},
	{regexp.MustCompile(`(?i)\bdeliveries that are owed\b|\bwhat (it|they|webhooks?) (is|are) owed\b`), "pending or held deliveries"},
}

// Prose, comments, errors, descriptions and the dashboard use the field's standard terms: replaced words must not come back.
func TestWords(t *testing.T) {
	needles := make([]string, len(oddWords))
	for i, odd := range oddWords {
		needles[i] = needle(t, odd.pattern)
	}
	for name, text := range sources(t, "*.go", "*.graphqls", "*.md", "*.sql", "*.ts", "*.tsx") {
		if filepath.Base(name) == "words_test.go" {
			continue
		}
		if bytes.Contains(text, []byte("DO NOT EDIT")) && strings.HasPrefix(filepath.Base(name), "generated") {
			continue
		}
		lower := strings.ToLower(string(text))
		for n, odd := range oddWords {
			if !strings.Contains(lower, needles[n]) {
				continue
			}
			for i, line := range strings.Split(string(text), "\n") {
				if found := odd.pattern.FindString(line); found != "" && !strings.HasSuffix(found, " only") {
					t.Errorf("%s:%d: %q: write %s", name, i+1, strings.TrimSpace(found), odd.instead)
				}
			}
		}
	}
}

// needle returns the longest text that every match of the pattern contains, in lower case: it finds files to look at a hundred times faster
// than the pattern does.
func needle(t *testing.T, pattern *regexp.Regexp) (longest string) {
	t.Helper()
	parsed, err := syntax.Parse(pattern.String(), syntax.Perl)
	if err != nil {
		t.Fatal(err)
	}
	var walk func(*syntax.Regexp)
	walk = func(part *syntax.Regexp) {
		switch part.Op {
		case syntax.OpLiteral:
			if text := strings.ToLower(string(part.Rune)); len(text) > len(longest) {
				longest = text
			}
		case syntax.OpConcat, syntax.OpCapture, syntax.OpPlus:
			for _, sub := range part.Sub {
				walk(sub)
			}
		}
	}
	walk(parsed)
	return longest
}

// A needle is in everything that its pattern matches.
func TestNeedle(t *testing.T) {
	for pattern, want := range map[string]string{
		`(?i)\bcan not\b( only)?`: "can not", `(?i)\bmay (it|they)\b`: "may ", `(?i)\b(needs? mu|mu must be held)\b`: "", `^\s*// \w+ is [\w.]+'s\.`: " is ",
	} {
		if got := needle(t, regexp.MustCompile(pattern)); got != want {
			t.Errorf("%s: %q, want %q", pattern, got, want)
		}
	}
}
