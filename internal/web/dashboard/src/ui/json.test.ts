import { expect, test } from 'vitest';
import { atOnce } from './inSlices';
import { laidOut } from './json';

const layOut = (text: string) => atOnce(laidOut(text));

// Tokens stay as they were sent: numbers that a double cannot hold, escapes, repeated keys and their order.
test('lays out without reading', () => {
  expect(layOut('{"n":12345678901234567890,"m":1.10,"a":"\\u202e\\"","a":[],"2":{},"1":[1, 2]}')).toBe(
    [
      '{',
      '  "n": 12345678901234567890,',
      '  "m": 1.10,',
      '  "a": "\\u202e\\"",',
      '  "a": [],',
      '  "2": {},',
      '  "1": [',
      '    1,',
      '    2',
      '  ]',
      '}',
    ].join('\n'),
  );
});

// Text that is not JSON is left unchanged.
test.each([
  '',
  'text',
  '<b>[1]</b>',
  '{"a":1}}',
  '[1',
  '{"a":1} {"b":2}',
  '{"a": "open',
  '[}',
  '"only a string"',
])('leaves %j', (text) => {
  expect(layOut(text)).toBeNull();
});

// A body of 256 KiB, the largest, is formatted quickly.
test('is linear', () => {
  expect(layOut('['.repeat(100_000))).toBeNull();
  expect(layOut(`["${'\\"'.repeat(100_000)}"]`)).not.toBeNull();
  expect(layOut(`[${'1,'.repeat(100_000)}1]`)?.split('\n').length).toBe(100_003);
});
