import { expect, test } from 'vitest';
import { parse, print } from '../filter/words';
import type { FanOutFragment } from '../gql/graphql';
import { fanOut } from './fanOut';
import { eventFilter, KEYS } from './filter';
import { dataProblem, tagsOf } from './publishing';

// The words of events become the server's conditions; an idempotency key is a single word, whatever it contains.
test('understands words', () => {
  const { terms, problems } = parse('type:order.*,user.* tag:vip key:a,b:c data.n=1 since:1d', KEYS);
  expect(problems).toEqual([]);
  expect(eventFilter(terms)).toEqual({
    types: ['order.*', 'user.*'],
    tags: ['vip'],
    idempotencyKey: 'a,b:c',
    data: [{ path: 'n', equals: 1 }],
    createdAt: { from: '-P1D' },
  });
  expect(parse(print(terms), KEYS).terms).toEqual(terms);
  expect(eventFilter([])).toBeNull();
});

// Words of other lists do not filter this one, and the help shows only its own.
test.each(['status:failed', 'webhook:019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11', 'http:5xx', 'key:'])(
  'explains %s',
  (text) => {
    const { terms, problems } = parse(text, KEYS);
    expect(terms).toEqual([]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).not.toMatch(/status:failed,|event:/);
  },
);

function facets(counts: Record<string, number>, precision: 'EXACT' | 'AT_LEAST' = 'EXACT'): FanOutFragment {
  return {
    facets: { statuses: Object.entries(counts).map(([value, count]) => ({ value, count })), precision },
  };
}

// All deliveries are counted; failures are named and determine the colour.
test.each([
  [facets({}), 'no webhook wanted it', null],
  [facets({ SUCCEEDED: 2 }), '2 of 2 delivered', 'SUCCEEDED'],
  [facets({ SUCCEEDED: 3, FAILED: 1 }), '3 of 4 delivered, 1 failed', 'FAILED'],
  [facets({ PENDING: 1, CANCELED: 2 }), '0 of 3 delivered, 1 pending, 2 canceled', 'PENDING'],
  [facets({ SUCCEEDED: 99, HELD: 1 }, 'AT_LEAST'), '99 of the latest 100 delivered, 1 held', 'HELD'],
])('sums up %#', (given, text, status) => {
  expect(fanOut(given)).toEqual({ text, status });
});

// Data that is not JSON gets an explanation; valid JSON is not changed.
test('looks at data', () => {
  expect(dataProblem('{"a": 1.0, "a": 2}')).toBeUndefined();
  expect(dataProblem(' null ')).toBeUndefined();
  expect(dataProblem('')).toMatch(/^Write JSON/);
  expect(dataProblem('{"a": }')).toMatch(/^This is not JSON: /);
  expect(dataProblem('{a: 1}')).toMatch(/^This is not JSON: /);
  expect(dataProblem('1 2')).toMatch(/^This is not JSON: /);
});

// A line is a tag, with its spaces and commas.
test('reads tags', () => {
  expect(tagsOf('vip\n north west, eu \n\n')).toEqual(['vip', 'north west, eu']);
  expect(tagsOf(' ')).toEqual([]);
});
