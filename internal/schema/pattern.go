package schema

import (
	"fmt"
	"regexp"
	"regexp/syntax"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// patterns compiles the regular expressions of one schema. Go's take time linear in the text, but a short one may be very large.
type patterns map[string]*pattern

// pattern is a compiled regular expression and its size in instructions.
type pattern struct {
	*regexp.Regexp
	size int
}

// compile implements jsonschema.RegexpEngine.
func (p patterns) compile(text string) (jsonschema.Regexp, error) {
	if re := p[text]; re != nil {
		return re, nil
	}
	if len(text) > MaxPatternBytes {
		return nil, fmt.Errorf("must be at most %d bytes long", MaxPatternBytes)
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("is not a regular expression that the server understands (RE2, without lookaround and backreferences): %w", err)
	}
	size := sizeOf(parsed)
	for _, other := range p {
		size += other.size
	}
	if size > MaxPatternSize {
		return nil, fmt.Errorf("is too large when its repetitions are written out; all patterns together may have about %d characters", MaxPatternSize)
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("is not a regular expression that the server understands (RE2): %w", err)
	}
	p[text] = &pattern{re, sizeOf(parsed)}
	return p[text], nil
}

// sizeOf estimates the number of instructions of an expression, with repetitions written out.
func sizeOf(re *syntax.Regexp) int {
	n := 1
	if re.Op == syntax.OpLiteral {
		n = len(re.Rune)
	}
	if re.Op == syntax.OpCharClass {
		n += len(re.Rune) / 8
	}
	for _, sub := range re.Sub {
		n += sizeOf(sub)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Max, re.Min, 1)
	}
	return min(n, 10*MaxPatternSize)
}
