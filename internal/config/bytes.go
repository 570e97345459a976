package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Bytes is a size, written as a number with an optional KiB, MiB or GiB.
type Bytes int64

var units = []struct {
	name string
	size Bytes
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

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
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || n > (1<<63-1)/uint64(size) {
		return fmt.Errorf("%q is not a size like 65536, 256KiB or 1MiB; K, KB, M and MB mean 1,000 to some and 1,024 to others", text)
	}
	*b = Bytes(n) * size
	return nil
}

// String returns the size in the largest unit that needs no fraction.
func (b Bytes) String() string {
	for _, u := range units {
		if b >= u.size && b%u.size == 0 {
			return strconv.FormatInt(int64(b/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

// Rounded returns the size for people, with one digit after the point, such as 1.5 GiB.
func (b Bytes) Rounded() string {
	for _, u := range units {
		if b >= u.size && u.size > 1 {
			return fmt.Sprintf("%.1f %s", float64(b)/float64(u.size), u.name)
		}
	}
	return strconv.FormatInt(int64(b), 10) + " B"
}
