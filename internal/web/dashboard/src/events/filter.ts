import { compact, dataFilters, type Key, some, type Term, timeRange, valuesOf } from '../filter/words';
import type { EventFilter } from '../gql/graphql';

/** The words that narrow the list of events. */
export const KEYS: readonly Key[] = ['type', 'tag', 'key', 'data', 'since', 'until'];

/** The condition for the server; null when there is none. */
export function eventFilter(terms: readonly Term[]): EventFilter | null {
  return compact({
    types: some(valuesOf(terms, 'type')),
    tags: some(valuesOf(terms, 'tag')),
    idempotencyKey: valuesOf(terms, 'key').at(-1),
    data: dataFilters(terms),
    createdAt: timeRange(terms),
  });
}
