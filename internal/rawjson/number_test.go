package rawjson

import (
	"cmp"
	"math/big"
	"strconv"
	"strings"
	"testing"
)

func compareNumbers(a, b string) int {
	m, n := NumberOf([]byte(a)), NumberOf([]byte(b))
	c := m.Compare(&n)
	return cmp.Compare(c, 0)
}

// Numbers are compared exactly by value, also those that a float64 cannot distinguish or represent.
func TestNumberOrder(t *testing.T) {
	nines := strings.Repeat("9", 60)
	for _, ascending := range [][]string{
		{"1e400", "1e401", "1e99999999999999999998", "1e99999999999999999999", "1e1" + nines},
		{"-1e1" + nines, "-1e400", "-1", "-1e-400", "0", "1e-1" + nines, "1e-400", "1"},
		{"12345678901234567890", "12345678901234567891", "12345678901234567891.00000000000000000001"},
		{"0.1", "0.10000000000000000000000001", "0.11", "1", "9.99e0", "10"},
		{"-100", "-99.9", "-99", "-0.001", "0.001", "0.0011"},
	} {
		for i := 1; i < len(ascending); i++ {
			if a, b := ascending[i-1], ascending[i]; compareNumbers(a, b) >= 0 || compareNumbers(b, a) <= 0 {
				t.Errorf("%s is not less than %s", a, b)
			}
		}
	}
	for _, equal := range [][]string{
		{"1", "1.0", "100e-2", "0.01e2", "10E-1", "1e0", "1e-0", "1E+00", "1.000e000"},
		{"0", "-0", "0.0", "0e9", "-0.00E-99999999999999999999"},
		{"-1500", "-1.5e3", "-15e2", "-1500.00", "-0.0015e+06"},
		{"1e1" + strings.Repeat("0", 60), "10e" + nines, "0.1e1" + strings.Repeat("0", 59) + "1"},
		{"1e-1" + strings.Repeat("0", 60), "0.1e-" + nines, "10e-1" + strings.Repeat("0", 59) + "1"},
	} {
		for _, a := range equal {
			for _, b := range equal {
				if compareNumbers(a, b) != 0 {
					t.Errorf("%s is not %s", a, b)
				}
			}
		}
	}
}

// isNumber reports whether text is a JSON number with an exponent that big.Rat can process cheaply.
func isNumber(s string) bool {
	if s == "" || s[0] != '-' && (s[0] < '0' || s[0] > '9') || len(s) > 200 {
		return false
	}
	if end, _, ok := Scan([]byte(s)); !ok || end != len(s) {
		return false
	}
	at := strings.IndexAny(s, "eE")
	if at < 0 {
		return true
	}
	e, err := strconv.Atoi(s[at+1:])
	return err == nil && e > -1000 && e < 1000
}

// Numbers have the same order as in math/big.
func FuzzNumberOrder(f *testing.F) {
	for _, s := range []string{"0 -0", "1 1.0", "100e-2 1", "0.001 1e-3", "-12.50 -125e-1", "1e400 1e401", "0.10 0.1", "10.010 10.01", "909 909.0", "5e-10 50e-11"} {
		a, b, _ := strings.Cut(s, " ")
		f.Add(a, b)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if !isNumber(a) || !isNumber(b) {
			return
		}
		x, ok := new(big.Rat).SetString(a)
		y, ok2 := new(big.Rat).SetString(b)
		if !ok || !ok2 {
			t.Skip()
		}
		if got, want := compareNumbers(a, b), x.Cmp(y); got != want {
			t.Errorf("%s and %s: %d, want %d", a, b, got, want)
		}
	})
}
