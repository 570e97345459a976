import { expect, test } from 'vitest';
import { attemptFilter, deliveryFilter, frozen, matches, parse, print } from './filter';

const ID = '019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11';

// Words become the server's conditions, several of a kind together.
test('understands words', () => {
  const { terms, problems } = parse(
    `status:failed,pending  type:order.* webhook:${ID} since:90m until:2026-04-23T10:00:00Z`,
  );
  expect(problems).toEqual([]);
  expect(deliveryFilter(terms)).toEqual({
    statuses: ['FAILED', 'PENDING'],
    eventTypes: ['order.*'],
    webhookIds: [ID],
    createdAt: { from: '-PT90M', to: '2026-04-23T10:00:00Z' },
  });
  expect(attemptFilter(terms)).toEqual({ eventTypes: ['order.*'], webhookIds: [ID] });
  expect(parse(print(terms)).terms).toEqual(terms);
  expect(deliveryFilter([])).toBeNull();
  expect(deliveryFilter(parse('since:7d').terms)).toEqual({ createdAt: { from: '-P7D' } });
});

// What is not understood is said, and does not narrow the list in another way.
test.each([
  'order',
  'status:broken',
  'webhook:1',
  'since:yesterday',
  'since:2026-99-01T00:00Z',
  'color:red',
  'type:',
  ID,
])('explains %s', (text) => {
  const { terms, problems } = parse(text);
  expect(terms).toEqual([]);
  expect(problems).toHaveLength(1);
});

// The stream brings what the list would have: states and times are looked at here.
test('matches what the stream brings', () => {
  const now = Date.parse('2026-01-01T12:00:00Z');
  const delivery = { status: 'FAILED' as const, createdAt: '2026-01-01T11:30:00Z' };
  const is = (text: string) => matches(parse(text).terms, delivery, now);
  expect(is('')).toBe(true);
  expect(is('status:failed')).toBe(true);
  expect(is('status:pending')).toBe(false);
  expect(is('since:1h')).toBe(true);
  expect(is('since:10m')).toBe(false);
  expect(is('until:2026-01-01T11:00:00Z')).toBe(false);
});

// A shared link shows others the same range.
test('freezes relative times', () => {
  const now = Date.parse('2026-01-01T12:00:00Z');
  expect(print(frozen(parse('status:failed since:1h').terms, now))).toBe(
    'status:failed since:2026-01-01T11:00:00.000Z',
  );
});
