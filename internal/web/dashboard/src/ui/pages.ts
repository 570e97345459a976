import { MAX_ROWS } from './list';

// The pages of a list that are loaded, and how newer ones take their place. Pure, so that its rules can be tested without a page.

export interface Page<Row> {
  nodes: readonly Row[];
  pageInfo: { hasNextPage: boolean; endCursor?: string | null; searchedTo?: string | null };
}

interface Loaded<Row> {
  rows: readonly Row[];
  /** Where the next page begins; null: the list ends here. */
  next: string | null;
  /** How far back the server searched for the last page, when it gave up before the page was full. */
  searchedTo: string | null;
  /** How many pages were loaded; 0 before the first has come. */
  pages: number;
}

export interface Pages<Row> extends Loaded<Row> {
  /** The list as it is now, which waits while nothing may move; null: it is the one that is shown. */
  waiting: Loaded<Row> | null;
  /** How many rows of it are not shown. */
  unseen: number;
}

export const NO_PAGES: Pages<never> = {
  rows: [],
  next: null,
  searchedTo: null,
  pages: 0,
  waiting: null,
  unseen: 0,
};

/** The list with its next page. */
export function extended<Row extends { id: string }>(list: Pages<Row>, page: Page<Row>): Pages<Row> {
  const { hasNextPage, endCursor, searchedTo } = page.pageInfo;
  const known = new Set(list.rows.map(({ id }) => id));
  return {
    rows: [...list.rows, ...page.nodes.filter(({ id }) => !known.has(id))].slice(0, MAX_ROWS),
    next: hasNextPage ? (endCursor ?? null) : null,
    searchedTo: searchedTo ?? null,
    pages: list.pages + 1,
    // It has one page less.
    waiting: null,
    unseen: 0,
  };
}

/** The list after its pages were loaded again. While it is held rows change where they are, and none comes or goes. */
export function renewed<Row extends { id: string }>(
  list: Pages<Row>,
  fresh: Pages<Row>,
  isHeld: boolean,
): Pages<Row> {
  if (!isHeld) return fresh;
  const now = new Map(fresh.rows.map((row) => [row.id, row]));
  const shown = new Set(list.rows.map(({ id }) => id));
  return {
    ...list,
    rows: list.rows.map((row) => now.get(row.id) ?? row),
    waiting: fresh,
    unseen: fresh.rows.filter(({ id }) => !shown.has(id)).length,
  };
}

/** The list when it is no longer held. */
export function resumed<Row>(list: Pages<Row>): Pages<Row> {
  return list.waiting ? { ...list.waiting, waiting: null, unseen: 0 } : list;
}
