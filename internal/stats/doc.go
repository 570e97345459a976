// Package stats counts what happens to events and deliveries: counters and latency histograms that are added up, and their encodings. It
// stores nothing and reads nothing; the store does.
package stats
