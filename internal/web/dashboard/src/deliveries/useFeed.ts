import { useCallback, useEffect, useRef, useState } from 'react';
import type { CombinedError } from 'urql';
import { follow, watch } from '../api/watch';
import type { Term } from '../filter/words';
import { useSession } from '../frame/Session';
import {
  DeliveriesDocument,
  type DeliveriesQuery,
  WatchDeliveriesDocument,
  WatchDeliveryListDocument,
} from '../gql/graphql';
import { type Counters, useCounters } from './counters';
import {
  begin,
  EMPTY,
  extend,
  type Feed,
  type Page,
  type Row,
  receive,
  refresh,
  replace,
  resume,
} from './feed';
import { attemptFilter, deliveryFilter, matches } from './filter';

const PAGE_SIZE = 100;

/** What came is shown together this often: a person sees no more, and the page draws less. */
const FLUSH_MS = 250;

/** The list is fetched again at most this often, however often the server says so. */
const REFETCH_MS = 2000;

export interface LiveFeed {
  feed: Feed;
  counters: Counters;
  loading: boolean;
  error: CombinedError | undefined;
  /** A message about the stream, such as that it has resumed; "" if there is none. */
  notice: string;
  reload(): void;
  more(): void;
  resume(): void;
  replace(row: Row): void;
}

interface Options {
  terms: readonly Term[];
  /** Whether new deliveries are added at all. */
  live: boolean;
  /** Whether new deliveries wait outside the list. */
  paused: boolean;
}

/**
 * The list of deliveries that match, kept current by the stream of deliveries. The stream of attempts counts them all, and brings the rows of
 * those times in which there is more to tell than the other stream tells one by one.
 */
export function useFeed({ terms, live, paused }: Options): LiveFeed {
  const { api } = useSession();
  const [feed, setFeed] = useState(EMPTY);
  const [loading, setLoading] = useState(true);
  const [error, setError] = useState<CombinedError>();
  const [notice, setNotice] = useState('');
  const [round, setRound] = useState(0);
  const { counters, count, reset } = useCounters();
  const waits = useRef(paused);
  waits.current = paused;
  const again = useRef(() => {});

  const load = useCallback(
    async (after: string | null) => {
      const { data, error } = await api.client
        .query(
          DeliveriesDocument,
          { filter: deliveryFilter(terms), after, first: PAGE_SIZE },
          { requestPolicy: 'network-only' },
        )
        .toPromise();
      return { page: data ? pageOf(data) : null, error };
    },
    [api, terms],
  );

  // round asks for the same again.
  useEffect(() => {
    let over = false;
    setLoading(true);
    setNotice('');
    reset();
    void load(null).then(({ page, error }) => {
      if (over) return;
      setLoading(false);
      setError(error);
      setFeed((feed) => {
        // Rows that matched what was asked before are not of this list.
        const own = { ...EMPTY, rows: feed.rows.filter((row) => arrived.has(row.id)) };
        return page ? begin(own, page) : own;
      });
    });

    const arrived = new Set<string>();
    const buffer: Row[] = [];
    const sure: Row[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    function flush() {
      timer = undefined;
      const arrivals = buffer.splice(0);
      const changes = sure.splice(0);
      setFeed((feed) => {
        const now = Date.now();
        return receive(receive(feed, arrivals, waits.current, now), changes, waits.current, now, true);
      });
    }
    function add(to: Row[], row: Row) {
      arrived.add(row.id);
      to.push(row);
      timer ??= setTimeout(flush, FLUSH_MS);
    }

    // Fetches the list again: at once, but not while it is paused, where no row may move, and not too often.
    let stale = false;
    let calm: ReturnType<typeof setTimeout> | undefined;
    function refetch() {
      stale = true;
      if (calm || waits.current) return;
      calm = setTimeout(() => {
        calm = undefined;
        if (stale) refetch();
      }, REFETCH_MS);
      stale = false;
      arrived.clear();
      void load(null).then(({ page, error }) => {
        if (over) return;
        setError(error);
        if (page) setFeed((feed) => refresh(feed, page, arrived));
      });
    }
    again.current = () => {
      if (stale) refetch();
    };

    const stop = live
      ? watch(
          api.sockets,
          WatchDeliveriesDocument,
          { filter: attemptFilter(terms) },
          {
            next({ deliveryAttempts: { node } }) {
              const { delivery, ...lastAttempt } = node;
              count(lastAttempt.status === 'SUCCEEDED', lastAttempt.startedAt);
              if (!delivery) return;
              const row = { ...delivery, lastAttempt };
              if (!matches(terms, row, Date.now())) {
                // What is in the list changes even if it matches no longer.
                setFeed((feed) => changed(feed, row, false));
                return;
              }
              add(buffer, row);
            },
            missed: () => setNotice('Some attempts are no longer stored. Reload the list to see what is.'),
            failed: (message) => setNotice(`Live updates ended: ${message}`),
          },
        )
      : () => {};
    const leave = live
      ? follow(
          api.sockets,
          WatchDeliveryListDocument,
          { filter: deliveryFilter(terms) },
          {
            next({ deliveries: { delivery, matches } }) {
              if (!delivery) refetch();
              else if (matches) add(sure, delivery);
              else setFeed((feed) => changed(feed, delivery, true));
            },
            failed: (message) => setNotice(`Live updates ended: ${message}`),
          },
        )
      : () => {};
    return () => {
      over = true;
      clearTimeout(timer);
      clearTimeout(calm);
      again.current = () => {};
      stop();
      leave();
    };
  }, [api, terms, live, load, count, reset, round]);

  useLink(setNotice, live);

  return {
    feed,
    counters,
    loading,
    error,
    notice,
    reload() {
      setFeed(EMPTY);
      setRound((round) => round + 1);
    },
    more() {
      if (loading || feed.next === null) return;
      setLoading(true);
      void load(feed.next).then(({ page, error }) => {
        setLoading(false);
        setError(error);
        if (page) setFeed((feed) => extend(feed, page));
      });
    },
    resume() {
      setFeed(resume);
      again.current();
    },
    replace: (row) => setFeed((feed) => replace(feed, row)),
  };
}

/** Changes a row that is in the list; others do not come in. */
function changed(feed: Feed, row: Row, sure: boolean): Feed {
  return feed.rows.some(({ id }) => id === row.id) ? receive(feed, [row], true, Date.now(), sure) : feed;
}

function pageOf({ deliveries }: DeliveriesQuery): Page | null {
  return (
    deliveries && {
      nodes: deliveries.nodes,
      next: deliveries.pageInfo.hasNextPage ? (deliveries.pageInfo.endCursor ?? null) : null,
      searchedTo: deliveries.pageInfo.searchedTo ?? null,
    }
  );
}

// Says when the connection is lost, and how long it was.
function useLink(say: (notice: string) => void, live: boolean) {
  const { api } = useSession();
  useEffect(() => {
    if (!live) return;
    let lostAt = 0;
    return api.onLink((link) => {
      if (link === 'lost') {
        lostAt ||= Date.now();
        say('The connection was lost. Connecting again…');
      } else if (link === 'connected' && lostAt > 0) {
        const seconds = Math.max(1, Math.round((Date.now() - lostAt) / 1000));
        say(`Connected again after ${seconds} s. The list goes on where it was: nothing is missing.`);
        lostAt = 0;
      }
    });
  }, [api, live, say]);
}
