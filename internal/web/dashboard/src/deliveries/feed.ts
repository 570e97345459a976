import type { AttemptSummaryFragment, DeliveryRowFragment } from '../gql/graphql';
import { MAX_ROWS } from '../ui/list';

// The rows of the list, and how changes are applied. Pure functions, so that the rules can be tested without a page.

export type Row = DeliveryRowFragment & { lastAttempt?: AttemptSummaryFragment | null };

/** The maximum number of rows added per second; nobody could follow more. */
export const MAX_RATE = 20;

/** About as many as arrive in a few seconds, within which all messages about a delivery arrive. */
const MAX_LEFT = 5000;

export interface Feed {
  /** Newest first. */
  rows: Row[];
  /** Rows that arrived while the list was paused, newest first; at most MAX_ROWS. */
  waiting: Row[];
  /** The number of rows that arrived while the list was paused. */
  unseen: number;
  /** The number of rows left out because too many arrived. */
  leftOut: number;
  /** The latest rows left out, at most MAX_LEFT, because each is in several messages. */
  left: ReadonlySet<string>;
  /** The second in which rows were last added, and how many in it. */
  second: number;
  added: number;
  /** The cursor of the next older page; null if the list ends here. */
  next: string | null;
  /** How far back the server searched for the last page, if it stopped before the page was full. */
  searchedTo: string | null;
}

export const EMPTY: Feed = {
  rows: [],
  waiting: [],
  unseen: 0,
  leftOut: 0,
  left: new Set(),
  second: 0,
  added: 0,
  next: null,
  searchedTo: null,
};

export interface Page {
  nodes: Row[];
  next: string | null;
  searchedTo: string | null;
}

/** Whether b is a later state than a of the same delivery. With sure, b is the state after its last change. */
function newer(a: Row, b: Row, sure: boolean): boolean {
  if (a.attemptCount !== b.attemptCount) return b.attemptCount > a.attemptCount;
  // A manual retry makes a completed delivery pending again without an attempt.
  return sure || (b.completedAt ?? '') >= (a.completedAt ?? '');
}

/**
 * The position of a row: by creation time, to the microsecond. The server orders rows of one instant as
 * they were stored, an order that the client does not know.
 */
function place(row: Row): string {
  return row.createdAt.slice(0, 19) + row.createdAt.slice(20, -1).padEnd(6, '0');
}

function known(rows: readonly Row[], row: Row): number {
  return rows.findIndex(({ id }) => id === row.id);
}

/** The first page. Rows that the stream sent before it are kept. */
export function begin(feed: Feed, page: Page): Feed {
  const rows = page.nodes.map((row) => {
    const had = feed.rows.find(({ id }) => id === row.id);
    return had && newer(row, had, false) ? had : row;
  });
  const first = rows[0];
  const before = feed.rows.filter((row) => known(rows, row) < 0 && (!first || place(row) > place(first)));
  return {
    ...feed,
    rows: [...before, ...rows].slice(0, MAX_ROWS),
    next: page.next,
    searchedTo: page.searchedTo,
  };
}

/** The first page again, with the rows that arrived since the request. */
export function refresh(feed: Feed, page: Page, since: ReadonlySet<string>): Feed {
  const last = page.next === null ? undefined : page.nodes.at(-1);
  const rows = page.nodes.map((row) => {
    const had = since.has(row.id) ? feed.rows.find(({ id }) => id === row.id) : undefined;
    return had && newer(row, had, false) ? had : row;
  });
  for (const row of feed.rows) {
    if (since.has(row.id) && known(rows, row) < 0 && (!last || place(row) > place(last))) insert(rows, row);
  }
  const next = { ...feed, rows, next: page.next, searchedTo: page.searchedTo };
  trim(next);
  return next;
}

/** An older page, at the end. */
export function extend(feed: Feed, page: Page): Feed {
  const rows = page.nodes.filter((row) => known(feed.rows, row) < 0);
  return {
    ...feed,
    rows: [...feed.rows, ...rows].slice(0, MAX_ROWS),
    next: page.next,
    searchedTo: page.searchedTo,
  };
}

/**
 * Deliveries from a stream. Those in the list are updated in place; others are added, or wait while it is paused. With sure they
 * are from the stream of deliveries, which sends each after its last change.
 */
export function receive(
  feed: Feed,
  arrivals: readonly Row[],
  paused: boolean,
  now: number,
  sure = false,
): Feed {
  const next = { ...feed, rows: [...feed.rows], waiting: [...feed.waiting] };
  const second = Math.floor(now / 1000);
  if (second !== next.second) {
    next.second = second;
    next.added = 0;
  }
  const oldest = feed.next === null ? undefined : feed.rows.at(-1);
  const left = new Set(feed.left);
  for (const row of arrivals) {
    const at = known(next.rows, row);
    if (at >= 0) {
      const had = next.rows[at];
      if (had && newer(had, row, sure)) next.rows[at] = row;
      continue;
    }
    const waits = known(next.waiting, row);
    if (waits >= 0) {
      next.waiting[waits] = row;
      continue;
    }
    // It belongs to a page that has not been requested.
    if (oldest && place(row) <= place(oldest)) continue;
    if (paused) {
      next.unseen++;
      insert(next.waiting, row);
    } else if (next.added < MAX_RATE) {
      next.added++;
      insert(next.rows, row);
      trim(next);
    } else if (!left.has(row.id)) {
      next.leftOut++;
      left.add(row.id);
    }
  }
  if (left.size > feed.left.size) next.left = new Set([...left].slice(-MAX_LEFT));
  next.waiting.length = Math.min(next.waiting.length, MAX_ROWS);
  return next;
}

/** Adds the rows that waited. */
export function resume(feed: Feed): Feed {
  const rows = [...feed.rows];
  for (const row of feed.waiting) insert(rows, row);
  const next = {
    ...feed,
    rows,
    waiting: [],
    unseen: 0,
    leftOut: feed.leftOut + feed.unseen - feed.waiting.length,
  };
  trim(next);
  return next;
}

/** A delivery from the response to a mutation. */
export function replace(feed: Feed, row: Row): Feed {
  return { ...feed, rows: feed.rows.map((had) => (had.id === row.id ? row : had)) };
}

function insert(rows: Row[], row: Row): void {
  const own = place(row);
  const at = rows.findIndex((other) => place(other) <= own);
  rows.splice(at < 0 ? rows.length : at, 0, row);
}

// The cursor of the next page is lost with the rows before it.
function trim(feed: Feed): void {
  if (feed.rows.length <= MAX_ROWS) return;
  feed.rows.length = MAX_ROWS;
  feed.next = null;
}
