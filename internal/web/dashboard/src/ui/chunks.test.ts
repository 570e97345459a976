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
    expect(chunk.length).toBeLessThanOrEqual(16_384);
    expect(chunk === '').toBe(text === '');
    expect(chunk).not.toMatch(/^[\udc00-\udfff]|[\ud800-\udbff]$/);
    if (i > 0) expect(all[i - 1]?.endsWith('\r') && chunk.startsWith('\n')).toBe(false);
  }
  if (text.startsWith('line')) expect(all.every((chunk) => chunk.endsWith('\n'))).toBe(true);
});
