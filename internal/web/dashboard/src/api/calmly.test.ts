import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { calmly } from './calmly';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** An operation that the test completes. */
function slow() {
  const ends: (() => void)[] = [];
  const run = vi.fn(() => new Promise<void>((resolve) => ends.push(resolve)));
  return { run, end: () => ends.shift()?.() };
}

test('what is slow is not begun again before it has ended, and then once for all calls', async () => {
  const { run, end } = slow();
  const { soon } = calmly(run, 1000);
  soon();
  await vi.advanceTimersByTimeAsync(0);
  expect(run).toHaveBeenCalledTimes(1);
  for (let i = 0; i < 100; i++) {
    soon();
    await vi.advanceTimersByTimeAsync(500);
  }
  expect(run).toHaveBeenCalledTimes(1);
  end();
  await vi.advanceTimersByTimeAsync(999);
  expect(run).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(run).toHaveBeenCalledTimes(2);
  end();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(run).toHaveBeenCalledTimes(2);
});

test('a run that fails is followed by the next one', async () => {
  const run = vi.fn(() => Promise.reject(new Error('away')));
  const { soon } = calmly(run, 1000);
  soon();
  await vi.advanceTimersByTimeAsync(0);
  soon();
  await vi.advanceTimersByTimeAsync(1000);
  expect(run).toHaveBeenCalledTimes(2);
});

test('nothing begins after it was stopped', async () => {
  const { run, end } = slow();
  const { soon, stop } = calmly(run, 1000);
  soon();
  await vi.advanceTimersByTimeAsync(0);
  soon();
  stop();
  end();
  soon();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(run).toHaveBeenCalledTimes(1);
});
