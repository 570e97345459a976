import { expect, test } from 'vitest';
import { fixedBounds, fixedRange, frozenRange } from './ranges';
import { withBuckets } from './series';

const bucket = (minute: number, events: number) => ({ from: `2026-11-27T12:0${minute}:00Z`, events });

test('a message replaces the buckets that it has, adds new ones, and drops those before the start of the range', () => {
  const first = withBuckets(undefined, {
    from: '2026-11-27T12:01:00Z',
    series: [bucket(1, 1), bucket(2, 2), bucket(3, 3)],
  });
  expect(first.series).toEqual([bucket(1, 1), bucket(2, 2), bucket(3, 3)]);
  const second = withBuckets(first, {
    from: '2026-11-27T12:02:00.000Z',
    series: [bucket(4, 4), bucket(3, 30)],
  });
  expect(second.from).toBe('2026-11-27T12:02:00.000Z');
  expect(second.series).toEqual([bucket(2, 2), bucket(3, 30), bucket(4, 4)]);
});

test('after a connection was lost the first message has the whole series', () => {
  const before = { from: '2026-11-27T12:01:00Z', series: [bucket(1, 1), bucket(2, 2)] };
  const whole = { from: '2026-11-27T12:02:00Z', series: [bucket(2, 5), bucket(3, 0)] };
  expect(withBuckets(before, whole)).toEqual(whole);
});

test('a link has a range that does not move, which is compared with the one of its length before it', () => {
  const fixed = frozenRange('24h', Date.parse('2026-11-27T12:00:00Z'));
  expect(fixed).toEqual({ from: '2026-11-26T12:00:00.000Z', to: '2026-11-27T12:00:00.000Z' });
  expect(fixedRange(fixed.from, fixed.to)).toEqual(fixed);
  expect(fixedBounds(fixed)).toEqual({
    range: fixed,
    before: { from: '2026-11-25T12:00:00.000Z', to: '2026-11-26T12:00:00.000Z' },
  });
});

test.each([
  [null, null],
  ['2026-11-27T12:00:00Z', null],
  ['yesterday', '2026-11-27T12:00:00Z'],
  ['2026-11-27T12:00:00Z', '2026-11-27T12:00:00Z'],
  ['2026-11-27T12:00:00Z', '+010000-01-01T00:00:00Z'],
  ['-000001-01-01T00:00:00Z', '2026-11-27T12:00:00Z'],
])('an address from %s to %s has none', (from, to) => {
  expect(fixedRange(from, to)).toBeNull();
});

test('an address written by hand has times as the API takes them', () => {
  const fixed = fixedRange('2026', '9999');
  expect(fixed).toEqual({ from: '2026-01-01T00:00:00.000Z', to: '9999-01-01T00:00:00.000Z' });
  expect(fixedBounds(fixed!).before).toEqual({ from: '0000-01-01T00:00:00.000Z', to: fixed!.from });
});
