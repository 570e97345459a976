import { expect, test } from 'vitest';
import { chunks } from './chunks';

// Chunks are the text, in order, bounded, and cut after lines where there are any; no character and no CRLF is cut in two.
test.each([
  ['nothing', ''],
  ['a short text', 'x'],
  ['lines', 'line\n'.repeat(200_000)],
  ['one line', 'x'.repeat(1_000_000)],
  ['values', '123456,'.repeat(100_000)],
  ['surrogates', `x${'😀'.repeat(300_000)}`],
  ['HTTP lines', `${'x'.repeat(16_383)}\r\n`.repeat(50)],
])('cuts %s', (_, text) => {
  const all = chunks(text);
  expect(all.join('')).toBe(text);
  for (const [i, chunk] of all.entries()) {
    expect(chunk.length).toBeLessThanOrEqual(65_536);
    expect(chunk === '').toBe(text === '');
    expect(chunk).not.toMatch(/^[\udc00-\udfff]|[\ud800-\udbff]$/);
    if (i > 0) expect(all[i - 1]?.endsWith('\r') && chunk.startsWith('\n')).toBe(false);
  }
  if (text.startsWith('line')) {
    expect(all.every((chunk) => chunk.endsWith('\n') && chunk.length <= 16_384)).toBe(true);
  }
});

// What a browser finds must be in one chunk: a response of 64 KiB in one line is, and a long line between short ones.
test.each([
  ['one line', 'x'.repeat(65_536), 1],
  ['a line after short ones', `${'a\n'.repeat(10_000)}${'x'.repeat(60_000)}\nend`, 4],
])('does not cut %s', (_, text, count) => {
  const all = chunks(text);
  expect(all.join('')).toBe(text);
  expect(all.length).toBe(count);
  expect(all.filter((chunk) => chunk.includes('x')).length).toBe(1);
});
