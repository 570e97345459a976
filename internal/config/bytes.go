package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Bytes is a size, written as a number with an optional KiB or MiB.
type Bytes int

var units = []struct {
	name string
	size Bytes
}{{"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// UnmarshalText parses a size. It refuses decimal units (KB, MB), which are ambiguous.
func (b *Bytes) UnmarshalText(text []byte) error {
	digits, size := strings.TrimSpace(string(text)), Bytes(1)
	for _, u := range units {
		if n := len(digits) - len(u.name); n >= 0 && strings.EqualFold(digits[n:], u.name) {
			rest := digits[:n]
			digits, size = strings.TrimSpace(rest), u.size
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil || n > (1<<31-1)/uint64(size) {
		return fmt.Errorf("%q is not a size like 65536, 256KiB or 1MiB; K, KB, M and MB mean 1,000 to some and 1,024 to others", text)
	}
	*b = Bytes(n) * size
	return nil
}

// String returns the size in the largest unit that needs no fraction.
func (b Bytes) String() string {
	for _, u := range units {
		if b >= u.size && b%u.size == 0 {
			return strconv.Itoa(int(b/u.size)) + u.name
		}
	}
	return strconv.Itoa(int(b)) + "B"
}
