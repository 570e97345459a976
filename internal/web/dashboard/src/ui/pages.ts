import { MAX_ROWS } from './list';

// The loaded pages of a list, and how newer ones replace them. Pure functions, so that the rules can be tested without a page.

export interface Page<Row> {
  nodes: readonly Row[];
  pageInfo: { hasNextPage: boolean; endCursor?: string | null; searchedTo?: string | null };
}

interface Loaded<Row> {
  rows: readonly Row[];
  /** The cursor of the next page; null if the list ends here. */
  next: string | null;
  /** How far back the server searched for the last page, if it stopped before the page was full. */
  searchedTo: string | null;
  /** The number of loaded pages; 0 before the first. */
  pages: number;
}

export interface Pages<Row> extends Loaded<Row> {
  /** The current list, which waits while rows may not move; null if it is the one shown. */
  waiting: Loaded<Row> | null;
  /** The number of its rows that are not shown. */
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

/** The list after its pages were reloaded. While it is held, rows are updated in place, and none is added or removed. */
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

/** The list after it was held. */
export function resumed<Row>(list: Pages<Row>): Pages<Row> {
  return list.waiting ? { ...list.waiting, waiting: null, unseen: 0 } : list;
}
