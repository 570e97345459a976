import { expect, test } from 'vitest';
import { KEYS } from '../deliveries/filter';
import { parse, print } from '../filter/words';
import {
  againOf,
  doneOf,
  inputOf,
  isOpen,
  leftOf,
  listedOf,
  newKey,
  newReplay,
  problemOf,
  rateOf,
  shareOf,
  termsOf,
  waitingOf,
} from './replays';

test('the words of the filter are the conditions of the replay', () => {
  const { terms, problems } = parse(
    'type:order.* webhook:019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11 http:5xx since:2026-11-27T14:00:00Z until:2026-11-27T16:00:00Z',
    KEYS,
  );
  expect(problems).toEqual([]);
  expect(inputOf('failed', terms)).toEqual({
    kind: 'FAILED',
    filter: {
      eventTypes: ['order.*'],
      webhookIds: ['019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11'],
      httpStatuses: [{ from: 500, to: 599 }],
      createdAt: { from: '2026-11-27T14:00:00Z', to: '2026-11-27T16:00:00Z' },
    },
  });
  expect(inputOf('all', [])).toEqual({ kind: 'ALL', filter: {} });
  expect(inputOf('cancel', [])).toEqual({ kind: 'CANCEL', filter: {} });
  expect(inputOf('missing', [])).toEqual({ kind: 'MISSING', filter: {} });
  expect(newKey()).not.toBe(newKey());
});

// A kind has the words that the server accepts for it, and the states of its own deliveries.
test.each([
  ['cancel', 'type:a status:pending status:failed', 'type:a status:pending'],
  ['cancel', 'type:a', 'type:a'],
  ['cancel', 'status:failed', null],
  ['all', 'status:failed,held http:5xx', 'status:failed http:5xx'],
  ['cancel', 'type:a ended-since:1h', 'type:a'],
  ['missing', 'type:a http:5xx error:TLS tag:vip', 'type:a tag:vip'],
  ['missing', 'status:failed', null],
] as const)('%s has of %j the words %j', (kind, text, own) => {
  const terms = termsOf(kind, parse(text, KEYS).terms);
  expect(terms && print(terms)).toBe(own);
});

test.each([
  ['type:a', 'all', 'type:a'],
  ['status:failed', 'failed', 'status:failed'],
  ['status:failed,pending', 'failed', 'status:failed'],
  ['status:failed,succeeded', 'all', 'status:failed status:succeeded'],
])('what %j shows is sent again as %s', (text, kind, own) => {
  const again = againOf(parse(text, KEYS).terms);
  expect(again && [again.kind, print(again.terms)]).toEqual([kind, own]);
});

test('what waits cannot be sent again, and what has ended cannot be canceled', () => {
  expect(againOf(parse('status:pending,held', KEYS).terms)).toBeNull();
  expect(waitingOf(parse('status:failed', KEYS).terms)).toBeNull();
  expect(waitingOf(parse('ended-since:1h', KEYS).terms)).toBeNull();
  expect(waitingOf(parse('type:a', KEYS).terms)?.terms).toHaveLength(1);
});

test('a list counts what a replay of a kind would be about', () => {
  expect(listedOf('cancel', [])).toEqual({ statuses: ['PENDING', 'HELD'] });
  expect(listedOf('all', parse('type:a', KEYS).terms)).toEqual({
    eventTypes: ['a'],
    statuses: ['FAILED', 'SUCCEEDED', 'CANCELED'],
  });
  expect(listedOf('all', parse('status:failed', KEYS).terms)).toEqual({ statuses: ['FAILED'] });
});

test('what is wrong names the word of the filter', () => {
  const message = 'does not exist';
  expect(problemOf({ message, field: ['input', 'filter', 'webhookIds', '0'] }).message).toBe(
    'webhook: does not exist',
  );
  expect(problemOf({ message, field: ['input', 'note'] }).message).toBe(message);
  expect(problemOf({ message }).message).toBe(message);
});

test.each([
  ['', null],
  [' ', null],
  ['10', 10],
  ['0', undefined],
  ['-1', undefined],
  ['1.5', undefined],
  ['100001', undefined],
  ['ten', undefined],
])('the rate %j is %s', (text, rate) => {
  expect(rateOf(text)).toBe(rate);
});

test('a replay is as far as what was sent or skipped, and done when it is completed', () => {
  const replay = { total: 10, started: 3, skipped: 2, status: 'RUNNING' } as const;
  expect(shareOf(replay)).toBe(0.5);
  expect(shareOf({ ...replay, total: null })).toBeNull();
  expect(shareOf({ ...replay, total: 0 })).toBeNull();
  expect(shareOf({ ...replay, status: 'COMPLETED' })).toBe(1);
  // It is not done before its end, however little is left.
  expect(shareOf({ total: 100_000, started: 99_999, skipped: 0, status: 'RUNNING' })).toBe(0.9999);
  expect(isOpen({ status: 'PAUSED' })).toBe(true);
  expect(isOpen({ status: 'CANCELED' })).toBe(false);
});

test.each([
  [{ total: 10, started: 3, skipped: 2, status: 'RUNNING' }, '5 of 10', 5],
  [{ total: 10, started: 3, skipped: 2, status: 'CANCELED' }, '5 of 10', 5],
  [{ total: 5, started: 3, skipped: 2, status: 'COMPLETED' }, '5 of 5', 0],
  [{ total: null, started: 12_000, skipped: 0, status: 'RUNNING' }, '12,000 so far', null],
  [{ total: null, started: 12_000, skipped: 0, status: 'CANCELED' }, '12,000', null],
] as const)('%j has done %j, and %j are left', (replay, done, left) => {
  expect(doneOf(replay)).toBe(done);
  expect(leftOf(replay)).toBe(left);
});

test('the address of a new replay has its filter', () => {
  expect(newReplay('status:failed type:a')).toBe('/replays/new?q=status%3Afailed+type%3Aa');
  expect(newReplay('event:1', 'all')).toBe('/replays/new?q=event%3A1&kind=all');
});
