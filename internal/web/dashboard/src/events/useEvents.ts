import { useEffect, useRef, useState } from 'react';
import type { CombinedError } from 'urql';
import type { Term } from '../filter/words';
import { useSession } from '../frame/Session';
import { type EventRowFragment, EventsDocument } from '../gql/graphql';
import { MAX_ROWS } from '../ui/list';
import { eventFilter } from './filter';

export const PAGE_SIZE = 50;

interface List {
  rows: readonly EventRowFragment[];
  next: string | null;
  searchedTo: string | null;
}

const EMPTY: List = { rows: [], next: null, searchedTo: null };

/** The events that match, newest first, page by page. */
export function useEvents(terms: readonly Term[]) {
  const { api } = useSession();
  const [list, setList] = useState(EMPTY);
  const [loading, setLoading] = useState(true);
  const [error, setError] = useState<CombinedError>();
  const [round, setRound] = useState(0);
  // Answers to an earlier question are not those of this list.
  const asked = useRef(0);

  async function load(before: List) {
    const own = ++asked.current;
    setLoading(true);
    const { data, error } = await api.client
      .query(
        EventsDocument,
        { filter: eventFilter(terms), after: before.next, first: PAGE_SIZE },
        { requestPolicy: 'network-only' },
      )
      .toPromise();
    if (own !== asked.current) return;
    setLoading(false);
    setError(error);
    const page = data?.events;
    if (!page) return;
    const { hasNextPage, endCursor, searchedTo } = page.pageInfo;
    setList({
      rows: [...before.rows, ...page.nodes].slice(0, MAX_ROWS),
      next: hasNextPage ? (endCursor ?? null) : null,
      searchedTo: searchedTo ?? null,
    });
  }

  // round asks for the same again.
  useEffect(() => {
    setList(EMPTY);
    void load(EMPTY);
    return () => {
      asked.current++;
    };
  }, [api, terms, round]);

  return {
    ...list,
    loading,
    error,
    reload: () => setRound((round) => round + 1),
    more: () => {
      if (!loading && list.next !== null) void load(list);
    },
  };
}
