import { expect, test } from 'vitest';
import { MAX_ROWS } from '../ui/list';
import {
  begin,
  EMPTY,
  extend,
  type Feed,
  MAX_RATE,
  type Row,
  receive,
  refresh,
  replace,
  resume,
} from './feed';

/** A delivery; those with a higher number are newer. */
function row(number: number, attemptCount = 1): Row {
  return {
    id: number.toString(16).padStart(8, '0'),
    status: 'PENDING',
    attemptCount,
    createdAt: new Date(number).toISOString(),
    completedAt: null,
    nextAttemptAt: null,
    webhookId: 'w',
    webhookUrl: 'https://example.com',
    event: { id: 'e', type: 'order.paid', tags: [] },
  };
}

const rows = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, i) => row(from - i));
const page = (nodes: Row[], next: string | null = null) => ({ nodes, next, searchedTo: null });
const numbers = (feed: Feed) => feed.rows.map(({ id }) => Number.parseInt(id, 16));

// A delivery in the list is updated in place, paused or not, and never returns to an older state.
test('changes rows in place', () => {
  const feed = begin(EMPTY, page(rows(3, 1)));
  for (const paused of [false, true]) {
    const next = receive(feed, [row(2, 5), row(2, 4)], paused, 0);
    expect(numbers(next)).toEqual([3, 2, 1]);
    expect(next.rows[1]?.attemptCount).toBe(5);
    expect(next.unseen).toBe(0);
  }
});

// New rows are inserted by their time.
test('lets new rows in, newest first', () => {
  const feed = begin(EMPTY, page([row(9), row(5), row(1)]));
  expect(numbers(receive(feed, [row(7), row(11), row(10)], false, 0))).toEqual([11, 10, 9, 7, 5, 1]);
});

// While the list is paused no row moves; new rows are counted, and added afterwards.
test('waits while paused', () => {
  let feed = begin(EMPTY, page(rows(3, 1)));
  feed = receive(feed, [row(4), row(5), row(4, 2)], true, 0);
  expect(numbers(feed)).toEqual([3, 2, 1]);
  expect(feed.unseen).toBe(2);
  feed = resume(feed);
  expect(numbers(feed)).toEqual([5, 4, 3, 2, 1]);
  expect(feed.unseen).toBe(0);
  expect(feed.rows[1]?.attemptCount).toBe(2);
});

// If rows arrive faster than a person can read, some are shown and the others counted.
test('shows a sample of many', () => {
  let feed = begin(EMPTY, page([]));
  feed = receive(feed, rows(500, 1), false, 10_000);
  expect(feed.rows).toHaveLength(MAX_RATE);
  expect(feed.leftOut).toBe(500 - MAX_RATE);
  // Each delivery is in several messages.
  feed = receive(feed, rows(500, 1), false, 10_500, true);
  expect(feed.leftOut).toBe(500 - MAX_RATE);
  feed = receive(feed, [row(501)], false, 10_900);
  expect(feed.rows).toHaveLength(MAX_RATE);
  feed = receive(feed, [row(502)], false, 11_000);
  expect(feed.rows).toHaveLength(MAX_RATE + 1);
});

// The list never exceeds its limits, however rows arrive.
test('is bounded', () => {
  let feed = begin(EMPTY, page(rows(5000, 4001), 'next'));
  expect(feed.rows).toHaveLength(MAX_ROWS);
  feed = receive(feed, [row(5001)], false, 0);
  expect(feed.rows).toHaveLength(MAX_ROWS);
  expect(numbers(feed)[0]).toBe(5001);
  feed = receive(feed, rows(9000, 7000), true, 0);
  expect(feed.waiting).toHaveLength(MAX_ROWS);
  expect(feed.unseen).toBe(2001);
  feed = resume(feed);
  expect(feed.rows).toHaveLength(MAX_ROWS);
  expect(feed.leftOut).toBe(1001);
  feed = extend(feed, page(rows(100, 1)));
  expect(feed.rows).toHaveLength(MAX_ROWS);
});

// A row of a page that has not been requested is not added before that page.
test('leaves older ones to their page', () => {
  const feed = begin(EMPTY, page(rows(9, 7), 'next'));
  expect(numbers(receive(feed, [row(3)], false, 0))).toEqual([9, 8, 7]);
  expect(numbers(receive(extend(feed, page(rows(6, 5))), [row(3)], false, 0))).toEqual([9, 8, 7, 6, 5, 3]);
});

// Rows from the stream that arrive before the first page are kept, in their latest state.
test('begins with what came already', () => {
  const early = receive(EMPTY, [row(5), row(3, 4)], false, 0);
  const feed = begin(early, page([row(4), row(3, 1)]));
  expect(numbers(feed)).toEqual([5, 4, 3]);
  expect(feed.rows[2]?.attemptCount).toBe(4);
});

// Many deliveries share one instant, in an order unknown to the client: those that are not in the page come after it.
test('leaves those of one instant to their page', () => {
  const at = '2026-01-01T00:00:00.000001Z';
  const same = rows(9, 1).map((row) => ({ ...row, createdAt: at }));
  const feed = begin(EMPTY, page(same.slice(3, 6), 'next'));
  expect(numbers(receive(feed, same, true, 0))).toEqual([6, 5, 4]);
  expect(receive(feed, same, true, 0).unseen).toBe(0);
  expect(receive(feed, [{ ...row(10), createdAt: '2026-01-01T00:00:00.00001Z' }], true, 0).unseen).toBe(1);
});

// The response to a retry is the delivery's current state, although it has no more attempts than before.
test('replaces', () => {
  const feed = begin(EMPTY, page([{ ...row(1), status: 'FAILED', completedAt: '2026-01-01T00:00:01Z' }]));
  expect(replace(feed, row(1)).rows[0]?.status).toBe('PENDING');
});

// The stream of deliveries sends the state after a change, also of a retried delivery that has no more attempts than before.
test('takes the state after a change', () => {
  const done = { ...row(2, 3), status: 'FAILED' as const, completedAt: new Date(9).toISOString() };
  const feed = begin(EMPTY, page([row(3), done, row(1)]));
  expect(receive(feed, [row(2, 3)], false, 0).rows[1]?.status).toBe('FAILED');
  expect(receive(feed, [row(2, 3)], false, 0, true).rows[1]?.status).toBe('PENDING');
  expect(receive(feed, [row(2, 2)], false, 0, true).rows[1]?.status).toBe('FAILED');
});

// A page that was fetched again replaces the list; rows that arrived since the request are kept.
test('fetches again', () => {
  const feed = begin(EMPTY, page(rows(9, 1)));
  const came = receive(feed, [row(12), row(8, 5), row(11)], false, 0);
  const next = refresh(
    came,
    page([row(11), row(9), row(8, 2), row(6)], 'more'),
    new Set([12, 8].map((n) => row(n).id)),
  );
  expect(numbers(next)).toEqual([12, 11, 9, 8, 6]);
  expect(next.rows[3]?.attemptCount).toBe(5);
  expect(next.next).toBe('more');
});
