import { expect, test } from 'vitest';
import { frozen, print, parse as words } from '../filter/words';
import type { Row } from './feed';
import { attemptFilter, deliveryFilter, KEYS, matches } from './filter';

const parse = (text: string) => words(text, KEYS);

const ID = '019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11';

// Words become the server's conditions, several of a kind together.
test('understands words', () => {
  const { terms, problems } = parse(
    `status:failed,pending  type:order.* webhook:${ID} since:90m until:2096-04-23T10:00:00Z`,
  );
  expect(problems).toEqual([]);
  expect(deliveryFilter(terms)).toEqual({
    statuses: ['FAILED', 'PENDING'],
    eventTypes: ['order.*'],
    webhookIds: [ID],
    createdAt: { from: '-PT90M', to: '2096-04-23T10:00:00Z' },
  });
  expect(attemptFilter(terms)).toEqual({ eventTypes: ['order.*'], webhookIds: [ID] });
  expect(parse(print(terms)).terms).toEqual(terms);
  expect(deliveryFilter([])).toBeNull();
  expect(deliveryFilter(parse('since:7d').terms)).toEqual({ createdAt: { from: '-P7D' } });
  expect(deliveryFilter(parse('ended-since:2h ended-until:1h').terms)).toEqual({
    completedAt: { from: '-PT2H', to: '-PT1H' },
  });
});

// Conditions on data are numbers, keywords or strings, as they are written.
test('understands data', () => {
  const { terms, problems } = parse(
    'data.job_id=42 data.customer.name=Ann data.code="42" data.ok=true http:5xx error:tls',
  );
  expect(problems).toEqual([]);
  expect(deliveryFilter(terms)).toEqual({
    errors: ['TLS'],
    httpStatuses: [{ from: 500, to: 599 }],
    data: [
      { path: 'job_id', equals: 42 },
      { path: 'customer.name', equals: 'Ann' },
      { path: 'code', equals: '42' },
      { path: 'ok', equals: true },
    ],
  });
  expect(parse(print(terms)).terms).toEqual(terms);
});

// A word that is not valid is reported, and does not change the filter.
test.each([
  'order',
  'status:broken',
  'webhook:1',
  'since:yesterday',
  'since:2026-99-01T00:00Z',
  'color:red',
  'key:order-42',
  'http:9',
  'ended-since:soon',
  'error:NONE',
  'data.n=12345678901234567890',
  'data.=1',
  'type:',
  ID,
])('explains %s', (text) => {
  const { terms, problems } = parse(text);
  expect(terms).toEqual([]);
  expect(problems).toHaveLength(1);
});

// The stream sends the deliveries that the list would contain: the client checks states and times.
test('matches what the stream brings', () => {
  const now = Date.parse('2026-01-01T12:00:00Z');
  const delivery: Row = {
    id: ID,
    status: 'FAILED',
    attemptCount: 1,
    createdAt: '2026-01-01T11:30:00Z',
    completedAt: null,
    nextAttemptAt: null,
    webhookId: ID,
    webhookUrl: 'https://example.com',
    event: { id: ID, type: 'order.paid', tags: ['vip'] },
    lastAttempt: {
      id: ID,
      number: 1,
      status: 'FAILED',
      error: 'HTTP_STATUS',
      message: null,
      startedAt: '2026-01-01T11:30:01Z',
      durationMs: 1,
      response: { status: 503 },
    },
  };
  const is = (text: string) => matches(parse(text).terms, delivery, now);
  expect(is('')).toBe(true);
  expect(is('status:failed')).toBe(true);
  expect(is('status:pending')).toBe(false);
  expect(is('since:1h')).toBe(true);
  expect(is('since:10m')).toBe(false);
  expect(is('until:2026-01-01T11:00:00Z')).toBe(false);
  expect(is('ended-since:1h')).toBe(false);
  const ended: Row = { ...delivery, completedAt: '2026-01-01T11:40:00Z' };
  const during = (text: string) => matches(parse(text).terms, ended, now);
  expect(during('ended-since:1h')).toBe(true);
  expect(during('ended-since:10m')).toBe(false);
  expect(during('ended-until:2026-01-01T11:40:00Z')).toBe(false);
  expect(during('since:1h ended-since:2026-01-01T11:40:00Z ended-until:1m')).toBe(true);
  expect(is('error:http_status http:5xx tag:vip,other')).toBe(true);
  expect(is('http:500-503')).toBe(true);
  expect(is('http:404,500')).toBe(false);
  expect(is('error:TIMEOUT')).toBe(false);
  expect(is('tag:other')).toBe(false);
  // Unknown.
  expect(is('data.job_id=42')).toBe(false);
});

// A shared link shows others the same range.
test('freezes relative times', () => {
  const now = Date.parse('2026-01-01T12:00:00Z');
  expect(print(frozen(parse('status:failed since:1h ended-until:30m').terms, now))).toBe(
    'status:failed since:2026-01-01T11:00:00.000Z ended-until:2026-01-01T11:30:00.000Z',
  );
});

test.each([
  ['since:1h until:2h', 1],
  ['since:1h until:1h', 1],
  ['since:2026-04-23T10:00:00Z until:2026-04-23T12:00:00+02:00', 1],
  ['ended-since:1h ended-until:2h', 1],
  ['since:2h until:1h', 0],
  ['ended-since:2h ended-until:1h', 0],
  ['since:1h ended-until:2h', 0],
  ['until:1h', 0],
])('a range ends after it begins: %s', (text, problems) => {
  const filter = parse(text);
  expect(filter.problems).toHaveLength(problems);
  expect(filter.terms.some(({ key }) => key.endsWith('until'))).toBe(problems === 0);
});
