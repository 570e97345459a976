import { expect, test } from 'vitest';
import { deliveryFilter, KEYS } from '../deliveries/filter';
import { parse } from '../filter/words';
import { conditionsOf, listOf } from './conditions';

const ID = '019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11';

test('every condition of a replay is shown in words, and leads to the list with the same filter', () => {
  const stored = {
    webhookIds: [ID],
    eventIds: [ID],
    eventTypes: ['order.*', 'a.b'],
    statuses: ['FAILED'],
    tags: ['vip'],
    data: [
      { path: 'a', equals: 42 },
      { path: 'b.c', equals: '42' },
      { path: 'd', equals: 'two words' },
    ],
    errors: ['TIMEOUT'],
    httpStatuses: [
      { from: 500, to: 599 },
      { from: 404, to: 404 },
    ],
    replayIds: [ID],
    createdAt: { from: '2026-11-27T14:00:00Z', to: '2026-11-27T16:00:00.5Z' },
    completedAt: { from: '2026-11-27T15:00:00Z' },
  };
  const conditions = conditionsOf('ALL', JSON.stringify(stored));
  expect(conditions.map(({ name, values }) => [name, ...values.map(({ text }) => text)])).toEqual([
    ['Webhook', ID],
    ['Event', ID],
    ['Event type', 'order.*', 'a.b'],
    ['State', 'FAILED'],
    ['Tag', 'vip'],
    ['Data', 'a = 42', 'b.c = "42"', 'd = "two words"'],
    ['Last error', 'TIMEOUT'],
    ['HTTP status', '500-599', '404'],
    ['Sent again by', ID],
    ['Created'],
    ['Ended'],
  ]);
  expect(conditions[9]?.range).toEqual(stored.createdAt);
  const list = listOf('ALL', conditions);
  expect(list?.without).toEqual([]);
  const url = new URL(list?.href ?? '', 'http://x');
  expect(url.pathname).toBe('/deliveries');
  const { terms, problems } = parse(url.searchParams.get('q') ?? '', KEYS);
  expect(problems).toEqual([]);
  expect(deliveryFilter(terms)).toEqual(stored);
});

// What no word can say is shown, and said to be missing in the list.
test.each([
  [{ deliveryIds: [ID] }, 'Delivery', ID, null],
  [{ tags: ['two words'], eventTypes: ['a'] }, 'Tag', 'two words', ['Tag']],
  [{ data: [{ path: 'a', contains: 'x' }], tags: ['a'] }, 'Data', 'a contains "x"', ['Data']],
  [{ data: [{ path: 'a b', equals: null }], tags: ['a'] }, 'Data', 'a b = null', ['Data']],
  [{ httpStatuses: [{ from: 500 }] }, 'HTTP status', '500-999', []],
])('%j', (stored, name, text, without) => {
  const conditions = conditionsOf('FAILED', JSON.stringify(stored));
  expect(conditions.find((one) => one.name === name)?.values[0]?.text).toBe(text);
  expect(listOf('FAILED', conditions)?.without ?? null).toEqual(without);
});

test('numbers are shown as they were given', () => {
  const [data] = conditionsOf(
    'FAILED',
    '{"data":[{"path":"\\"equals\\":","equals":12345678901234567890.10}]}',
  );
  expect(data?.values[0]?.text).toBe('"equals": = 12345678901234567890.10');
  expect(data?.terms).toBe(null);
});

test('what a webhook never had is a list of events', () => {
  const conditions = conditionsOf(
    'MISSING',
    JSON.stringify({ webhookIds: [ID], eventTypes: ['a.*'], createdAt: { from: '2026-11-27T14:00:00Z' } }),
  );
  expect(conditions.map(({ name }) => name)).toEqual(['Webhook', 'Event type', 'Published']);
  expect(listOf('MISSING', conditions)).toEqual({
    href: '/events?q=type%3Aa.*%20since%3A2026-11-27T14%3A00%3A00Z',
    without: [],
  });
  expect(conditionsOf('CANCEL', '{}')).toEqual([]);
  expect(listOf('CANCEL', [])).toBe(null);
});
