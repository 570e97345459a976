import { type Dispatch, type SetStateAction, useCallback, useEffect, useRef, useState } from 'react';
import type { CombinedError } from 'urql';
import { calmly } from '../api/calmly';
import type { Api } from '../api/client';
import { now } from '../api/clock';
import { freshly } from '../api/freshly';
import { follow, watch } from '../api/watch';
import type { Term } from '../filter/words';
import { useSession } from '../frame/Session';
import {
  type AttemptSummaryFragment,
  DeliveriesDocument,
  type DeliveriesQuery,
  type DeliveryRowFragment,
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

/** The interval at which new rows are shown: a person cannot follow more, and the page renders less. */
const FLUSH_MS = 250;

/** The minimum time between two fetches of the list, however often the server asks for one. */
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
 * The list of matching deliveries, kept current by the stream of deliveries. The stream of attempts counts them all, and has the rows for
 * times in which there are too many changes for the other stream to send one by one.
 */
export function useFeed({ terms, live, paused }: Options): LiveFeed {
  const { api } = useSession();
  const [feed, setFeed] = useState(EMPTY);
  const [loading, setLoading] = useState(true);
  const [error, setError] = useState<CombinedError>();
  const [notice, setNotice] = useState('');
  const [round, setRound] = useState(0);
  const { counters, count, note, reset } = useCounters();
  const waits = useRef(paused);
  waits.current = paused;
  const again = useRef(() => {});

  const load = useCallback(
    async (after: string | null) => {
      const variables = { filter: deliveryFilter(terms), after, first: PAGE_SIZE };
      const { data, error } = await freshly(api.client, DeliveriesDocument, variables);
      return { page: data ? pageOf(data) : null, error };
    },
    [api, terms],
  );

  // round requests the same again.
  useEffect(() => {
    setLoading(true);
    setNotice('');
    reset();
    const list = openList({
      api,
      terms,
      live,
      waits,
      load,
      count,
      note,
      setFeed,
      setLoading,
      setError,
      setNotice,
    });
    again.current = list.again;
    return () => {
      again.current = () => {};
      list.close();
    };
  }, [api, terms, live, load, count, note, reset, round]);

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

interface Opening extends Pick<Options, 'terms' | 'live'> {
  api: Api;
  waits: { readonly current: boolean };
  load(after: string | null): Promise<{ page: Page | null; error: CombinedError | undefined }>;
  count(succeeded: boolean, startedAt: string): void;
  /** Notes that something has changed without an attempt. */
  note(): void;
  setFeed: Dispatch<SetStateAction<Feed>>;
  setLoading(loading: boolean): void;
  setError(error: CombinedError | undefined): void;
  setNotice(notice: string): void;
}

/** Loads the list, and watches its streams until it is closed. again fetches what could not be fetched while the list was paused. */
function openList(list: Opening): { again(): void; close(): void } {
  const { api, terms, live, waits, load, count, note, setFeed } = list;
  let over = false;
  void load(null).then(({ page, error }) => {
    if (over) return;
    list.setLoading(false);
    list.setError(error);
    setFeed((feed) => {
      // Rows that matched the previous filter do not belong to this list.
      const own = { ...EMPTY, rows: feed.rows.filter((row) => arrived.has(row.id)) };
      return page ? begin(own, page) : own;
    });
  });

  const arrived = new Set<string>();
  const arrivals = gather((rows, changes) =>
    setFeed((feed) => {
      const now = Date.now();
      return receive(receive(feed, rows, waits.current, now), changes, waits.current, now, true);
    }),
  );
  function add(row: Row, sure: boolean) {
    arrived.add(row.id);
    arrivals.add(row, sure);
  }

  // Fetches the list again: immediately, but not while it is paused, when no row may move, and not too often.
  let stale = false;
  let isFollowed = false;
  const { soon, stop } = calmly(async () => {
    if (waits.current) return;
    stale = false;
    arrived.clear();
    const { page, error } = await load(null);
    if (over) return;
    list.setError(error);
    // The list may have been paused since the request.
    if (waits.current) stale = true;
    else if (page) setFeed((feed) => refresh(feed, page, arrived));
  }, REFETCH_MS);
  function refetch() {
    stale = true;
    if (!waits.current) soon();
  }

  const leave = live
    ? follows(api, terms, {
        attempted(lastAttempt, delivery) {
          count(lastAttempt.status === 'SUCCEEDED', lastAttempt.startedAt);
          if (!delivery) return;
          const row = { ...delivery, lastAttempt };
          if (matches(terms, row, now())) add(row, false);
          // Rows in the list are updated even if they no longer match.
          else setFeed((feed) => changed(feed, row, false));
        },
        changed(row, matches) {
          // The first message has no row, and the list has just been requested.
          if (row || isFollowed) note();
          isFollowed = true;
          if (!row) refetch();
          else if (matches) add(row, true);
          else setFeed((feed) => changed(feed, row, true));
        },
        say: list.setNotice,
      })
    : () => {};
  return {
    again: () => stale && refetch(),
    close() {
      over = true;
      arrivals.stop();
      stop();
      leave();
    },
  };
}

/** Collects rows and passes them on in batches: rows from attempts, and rows that are sure. */
function gather(hand: (rows: Row[], sure: Row[]) => void) {
  const rows: Row[] = [];
  const certain: Row[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  function flush() {
    timer = undefined;
    hand(rows.splice(0), certain.splice(0));
  }
  return {
    add(row: Row, sure: boolean) {
      (sure ? certain : rows).push(row);
      timer ??= setTimeout(flush, FLUSH_MS);
    },
    stop: () => clearTimeout(timer),
  };
}

interface Changes {
  /** An attempt was recorded; its delivery is null if it was removed since. */
  attempted(attempt: AttemptSummaryFragment, delivery: DeliveryRowFragment | null | undefined): void;
  /** A delivery changed, and does or does not match now; null: fetch the list again. */
  changed(row: Row | null | undefined, matches: boolean): void;
  /** Shows a message about the streams. */
  say(notice: string): void;
}

/** Watches both streams of the matching deliveries. Returns a function that stops this. */
function follows({ sockets }: Api, terms: readonly Term[], on: Changes): () => void {
  const failed = (message: string) => on.say(`Live updates ended: ${message}`);
  const stop = watch(
    sockets,
    WatchDeliveriesDocument,
    { filter: attemptFilter(terms) },
    {
      next: ({ deliveryAttempts: { node } }) => {
        const { delivery, ...attempt } = node;
        on.attempted(attempt, delivery);
      },
      missed: () => on.say('Some attempts are no longer stored. Reload the list to see what is.'),
      failed,
    },
  );
  const leave = follow(
    sockets,
    WatchDeliveryListDocument,
    { filter: deliveryFilter(terms) },
    {
      next: ({ deliveries: { delivery, matches } }) => on.changed(delivery, matches ?? false),
      failed,
    },
  );
  return () => {
    stop();
    leave();
  };
}

/** Updates a row that is in the list; others are not added. */
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
