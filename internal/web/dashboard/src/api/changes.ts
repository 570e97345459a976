import {
  type StatsFilter,
  WatchAuditLogDocument,
  WatchChangesDocument,
  WatchCountsDocument,
  WatchIssuesDocument,
} from '../gql/graphql';
import type { Api } from './client';
import { now } from './clock';
import { follow } from './watch';

// Signals that a list may have changed, for lists that have no stream of their own.

/** Calls soon on each change, until the returned function is called. The first call may be for a known change. */
export type Watch = (soon: () => void) => () => void;

/** Signals publishing, attempts and completions, at most once a second. null: those of the whole tenant. */
export function counts({ sockets }: Api, filter: StatsFilter | null = null): Watch {
  return (soon) => {
    let last = '';
    return follow(
      sockets,
      WatchCountsDocument,
      { range: { from: new Date(now()).toISOString() }, filter },
      {
        next({ stats }) {
          // There is also a message at the start of each minute.
          const now = JSON.stringify(stats.totals);
          if (now !== last) soon();
          last = now;
        },
        failed() {},
      },
    );
  };
}

/** Signals that a webhook was registered, changed or deleted, or that deliveries are held. */
export function webhookChanges({ sockets }: Api): Watch {
  return (soon) =>
    follow(sockets, WatchChangesDocument, { filter: { statuses: ['HELD'] } }, { next: soon, failed() {} });
}

/** Signals that entries were added to the audit log, so that what they tell of has changed: at most once a second. */
export function auditLogChanges({ sockets }: Api, allTenants: boolean): Watch {
  return (soon) => follow(sockets, WatchAuditLogDocument, { allTenants }, { next: soon, failed() {} });
}

/** Signals that issues of the tenant, or of all, were opened, resolved or acknowledged: at most once a second. */
export function issueChanges({ sockets }: Api, allTenants = false): Watch {
  return (soon) => follow(sockets, WatchIssuesDocument, { allTenants }, { next: soon, failed() {} });
}

/** Signals when any of the given sources does. */
export function either(...watches: readonly Watch[]): Watch {
  return (soon) => {
    const ends = watches.map((watch) => watch(soon));
    return () => {
      for (const end of ends) end();
    };
  };
}
