import { expect, test } from 'vitest';
import { absolute, ago, duration, relative } from './time';

test.each([
  [0, '0 ms'],
  [0.25, '0.25 ms'],
  [12.4, '12 ms'],
  [1500, '1.5 s'],
  [2000, '2 s'],
  [250_000, '4 min 10 s'],
  [3_600_000, '1 h'],
  [90_000_000, '1 d 1 h'],
])('the duration of %d ms', (ms, want) => {
  expect(duration(ms)).toBe(want);
});

// Past times are shown in one unit, future ones in two.
test.each([
  ['2026-01-01T00:00:00Z', 'now'],
  ['2026-01-01T00:04:10Z', 'in 4 min 10 s'],
  ['2025-12-31T23:55:50Z', '4 min ago'],
  ['2025-12-31T22:30:00Z', '1 h ago'],
  ['2025-12-31T23:59:55.5Z', '4 s ago'],
])('%s seen from the new year', (at, want) => {
  expect(relative(at, Date.parse('2026-01-01T00:00:00Z'))).toBe(want);
});

// The server's clock may be ahead.
test.each([
  ['2026-01-01T00:00:02Z', 'now'],
  ['2026-01-01T00:10:00Z', 'now'],
  ['2025-12-31T23:59:55Z', '5 s ago'],
])('%s, which has been, seen from the new year', (at, want) => {
  expect(ago(at, Date.parse('2026-01-01T00:00:00Z'))).toBe(want);
});

test('absolute times in UTC', () => {
  expect(absolute('2026-04-23T10:00:00.25Z', 'utc')).toBe('2026-04-23 10:00:00.250 UTC');
  expect(absolute('not a time', 'utc')).toBe('not a time');
});
