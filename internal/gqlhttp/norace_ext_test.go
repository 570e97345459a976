//go:build !race

package gqlhttp_test

const raceDetector = false
