import { afterEach, expect, test, vi } from 'vitest';
import { hear, now } from './clock';

const AT = Date.parse('2026-11-30T12:00:00Z');
const HOUR = 3_600_000;
const date = (ms: number) => new Date(ms).toUTCString();

afterEach(() => {
  hear(date(AT), AT, AT);
  vi.useRealTimers();
});

function at(ms: number) {
  vi.useFakeTimers({ now: ms });
}

test('clocks that may agree are taken to agree', () => {
  at(AT);
  hear(date(AT - 500), AT, AT + 100); // the header has whole seconds
  expect(now()).toBe(AT);
  hear(date(AT + 3000), AT, AT + 4000); // a slow response
  expect(now()).toBe(AT);
});

test('a browser whose clock is wrong has the time of the server, to about a second', () => {
  for (const wrong of [2 * HOUR, -2 * HOUR]) {
    at(AT + wrong);
    hear(date(AT), AT + wrong, AT + wrong + 50);
    expect(Math.abs(now() - AT)).toBeLessThanOrEqual(1000);
    const before = now();
    // Another response, which says the same as far as it goes, moves nothing.
    hear(date(AT), AT + wrong - 40, AT + wrong + 200);
    expect(now()).toBe(before);
  }
});

test('a clock that was set right is followed, and a response without a date is not', () => {
  at(AT + HOUR);
  hear(date(AT), AT + HOUR, AT + HOUR);
  hear(null, AT, AT);
  expect(Math.abs(now() - AT)).toBeLessThanOrEqual(1000);
  at(AT);
  hear(date(AT), AT, AT);
  expect(now()).toBe(AT);
});
