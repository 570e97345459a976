import { expect, test } from 'vitest';
import { atOnce, inSlices } from './inSlices';
import { indexed, lines, nameText, PAGE, pathOf, type Tree, valueText } from './tree';

function tree(text: string): Tree {
  const found = atOnce(indexed(text));
  if (!found) throw new Error(`not JSON: ${text}`);
  return found;
}

const everything = (of: Tree) => new Set(of.starts.keys());

// Values keep their spelling: numbers that a double cannot hold, escapes, white space, repeated names and their order.
test('values and names are the text as it was sent', () => {
  const of = tree(
    ' {"n": 12345678901234567890.10, "\\u0061" :\n"x\\"\\\\", "n":[ 1e2 ,-0,[]], "":{"t":true}} ',
  );
  const shown = lines(of, everything(of), new Map());
  expect(shown.map((line) => [line.depth, nameText(of, line.value), valueText(of, line.value)])).toEqual([
    [0, null, of.text.trim()],
    [1, '"n"', '12345678901234567890.10'],
    [1, '"\\u0061"', '"x\\"\\\\"'],
    [1, '"n"', '[ 1e2 ,-0,[]]'],
    [2, null, '1e2'],
    [2, null, '-0'],
    [2, null, '[]'],
    [1, '""', '{"t":true}'],
    [2, '"t"', 'true'],
  ]);
  expect(shown.map((line) => pathOf(of, shown, line))).toEqual([
    '$',
    '$.n',
    '$["\\u0061"]',
    '$.n',
    '$.n[0]',
    '$.n[1]',
    '$.n[2]',
    '$[""]',
    '$[""].t',
  ]);
});

// The index accepts exactly what JSON.parse does.
test.each([
  '',
  ' ',
  '{}',
  '[]',
  '[1,2]',
  '[1,]',
  '[,1]',
  '[1 2]',
  '{"a":1,}',
  '{"a"}',
  '{"a":}',
  '{a:1}',
  '{"a":1}}',
  '{"a":1} 2',
  '[}',
  '{]',
  '[1',
  '{"a":',
  '["open',
  '["open\\"]',
  '["\\\\"]',
  '[01]',
  '[1.]',
  '[-]',
  '[1e5,-0.5E-7]',
  '[nul]',
  '[true,false,null]',
  '"x"',
  '7',
  '[[[]],{"a":[{}]}]',
])('is as strict as JSON: %j', (text) => {
  let valid = true;
  try {
    JSON.parse(text);
  } catch {
    valid = false;
  }
  expect(atOnce(indexed(text)) !== null).toBe(valid);
});

// However many members a value has, they are shown a page at a time.
test('long arrays are shown in pages', () => {
  const of = tree(`{"a":[${'1,'.repeat(100_000)}1],"b":2}`);
  const first = lines(of, everything(of), new Map());
  expect(first.length).toBe(PAGE + 4); // the whole, a, its first elements, the rest, b
  expect(first.at(-2)?.rest).toBe(100_001 - PAGE);
  expect(lines(of, everything(of), new Map([[1, 3 * PAGE]])).length).toBe(3 * PAGE + 4);
  expect(lines(of, new Set([0]), new Map()).length).toBe(3);
});

// A text of 1 MB is indexed in many steps, whatever it consists of, and each step covers few values; deep nesting does not exhaust the stack.
test.each([
  ['numbers', `[${'1,'.repeat(500_000)}1]`],
  ['arrays', `[${'[],'.repeat(333_000)}[]]`],
  ['depth', '['.repeat(500_000) + ']'.repeat(500_000)],
])('1 MB of %s is indexed in steps', (_, text) => {
  let steps = 1;
  const work = indexed(text);
  let step = work.next();
  for (; !step.done; step = work.next()) steps++;
  expect(step.value).not.toBeNull();
  expect(steps).toBeGreaterThan(500);
});

// Work that is no longer wanted ends.
test('slices end when the signal is aborted', async () => {
  const gone = new AbortController();
  let turns = 0;
  function* endless(): Generator<void, never> {
    for (;;) {
      if (++turns === 10) gone.abort();
      yield;
    }
  }
  await expect(inSlices(endless(), gone.signal)).rejects.toThrow();
});
