package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// MaxDuration bounds every duration: a longer one is a mistake, or means forever.
const MaxDuration = 100 * 365 * 24 * time.Hour

var longUnits = regexp.MustCompile(`^(-?)(?:(\d{1,6})w)?(?:(\d{1,6})d)?(.*)$`)

// ParseDuration parses a duration as time.ParseDuration does, optionally with weeks and days in front: 90s, 12h, 30d, 2w, 1d12h.
func ParseDuration(text string) (time.Duration, error) {
	bad := func(hint string) error {
		return fmt.Errorf("%q is not a duration like 90s, 12h, 30d or 2w%s", text, hint)
	}
	parts := longUnits.FindStringSubmatch(text)
	if text == "" || parts == nil {
		return 0, bad("")
	}
	weeks, _ := strconv.Atoi(parts[2])
	days, _ := strconv.Atoi(parts[3])
	rest := time.Duration(0)
	if short := parts[4]; short != "" || parts[2]+parts[3] == "" {
		var err error
		if rest, err = time.ParseDuration(short); err != nil || short[0] == '-' || short[0] == '+' {
			if _, notNumber := strconv.ParseFloat(text, 64); notNumber == nil {
				return 0, bad(": the unit is missing")
			}
			return 0, bad("")
		}
	}
	const day = 24 * time.Hour
	if weeks > int(MaxDuration/day) || days > int(MaxDuration/day) || rest > MaxDuration || time.Duration(7*weeks+days)*day+rest > MaxDuration {
		return 0, fmt.Errorf("%q is longer than 100 years", text)
	}
	all := time.Duration(7*weeks+days)*day + rest
	if parts[1] != "" && all != 0 {
		return 0, errors.New(strconv.Quote(text) + " is negative")
	}
	return all, nil
}
