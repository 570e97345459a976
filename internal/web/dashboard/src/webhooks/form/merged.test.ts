import { expect, test } from 'vitest';
import { compact, merged } from './merged';

// White space of JSON is no change, but within strings it is.
test('JSON that means the same', () => {
  expect(compact('{ "a b": [1.0,\n "c \\" d"] }')).toBe('{"a b":[1.0,"c \\" d"]}');
  expect(compact('')).toBe('');
});

// Someone else's change is no clash with what is the same but for its spelling, which stays as it was typed.
test('a change to the same', () => {
  const canonical = ({ filter }: { filter: string }) => ({ filter: compact(filter) });
  const typed = { filter: '{"a": 1}' };
  const now = { filter: '{"a":1}' };
  expect(merged(typed, { filter: '' }, now, [], canonical)).toEqual({ form: typed, clashes: [] });
  expect(merged(typed, now, now, [], canonical)).toEqual({ form: typed, clashes: [] });
  const theirs = { filter: '{"b":1}' };
  expect(merged(typed, { filter: '' }, theirs, [], canonical)).toEqual({ form: typed, clashes: ['filter'] });
  expect(merged(typed, now, theirs, [], canonical)).toEqual({ form: theirs, clashes: [] });
});
