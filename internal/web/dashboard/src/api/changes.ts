import { type StatsFilter, WatchChangesDocument, WatchCountsDocument } from '../gql/graphql';
import type { Api } from './client';
import { follow } from './watch';

// What tells that a list may have changed, where the API has no stream of the list itself.

/** Calls soon each time until what it returns is called. The first time it may be called for what is known already. */
export type Watch = (soon: () => void) => () => void;

/** Tells when something was published, attempted or ended. null: of the tenant; the server tells at most once a second. */
export function counts({ sockets }: Api, filter: StatsFilter | null = null): Watch {
  return (soon) => {
    let last = '';
    return follow(
      sockets,
      WatchCountsDocument,
      { range: { from: new Date().toISOString() }, filter },
      {
        next({ stats }) {
          // A message comes, too, when a minute begins.
          const now = JSON.stringify(stats.totals);
          if (now !== last) soon();
          last = now;
        },
        failed() {},
      },
    );
  };
}

/** Tells when a webhook was registered, changed or deleted, and when deliveries are held. */
export function webhookChanges({ sockets }: Api): Watch {
  return (soon) =>
    follow(sockets, WatchChangesDocument, { filter: { statuses: ['HELD'] } }, { next: soon, failed() {} });
}

/** Tells when one of them does. */
export function either(...watches: readonly Watch[]): Watch {
  return (soon) => {
    const ends = watches.map((watch) => watch(soon));
    return () => {
      for (const end of ends) end();
    };
  };
}
