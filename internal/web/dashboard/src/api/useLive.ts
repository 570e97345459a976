import { useEffect, useState } from 'react';
import {
  type AnyVariables,
  type Client,
  type OperationContext,
  type TypedDocumentNode,
  useQuery,
} from 'urql';
import { useSession } from '../frame/Session';
import {
  type DeliveryAttemptFilter,
  type DeliveryFilter,
  WatchChangesDocument,
  WatchDeliveryDocument,
} from '../gql/graphql';
import { calmly } from './calmly';
import { inTime } from './inTime';
import { follow, watch } from './watch';

/** What is followed: changes of deliveries, or their attempts. */
export type Followed = { deliveries: DeliveryFilter } | { attempts: DeliveryAttemptFilter };

interface Options {
  context?: Partial<OperationContext>;
  pause?: boolean;
}

/** The result of a query, which is asked for again after what is followed has changed: once a second at most, and never before the answer. */
export function useLive<Data, Variables extends AnyVariables>(
  query: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  followed: Followed,
  { context, pause = false }: Options = {},
) {
  const { api } = useSession();
  const [{ data, error, fetching }, ask] = useQuery({ query, variables, context, pause });
  const key = JSON.stringify([variables, followed]);
  useEffect(() => {
    if (pause) return;
    const [variables, followed] = JSON.parse(key) as [Variables, Followed];
    const { soon, stop } = calmly(() => freshly(api.client, query, variables, context), CALM_MS);
    const watcher = { next: soon, missed: soon, failed: () => {} };
    const leave =
      'attempts' in followed
        ? watch(api.sockets, WatchDeliveryDocument, { filter: followed.attempts }, watcher)
        : follow(api.sockets, WatchChangesDocument, { filter: followed.deliveries }, watcher);
    return () => {
      stop();
      leave();
    };
  }, [api, query, key, context, pause]);
  return { data, error, fetching, reload: () => ask({ requestPolicy: 'network-only' }) };
}

/**
 * Asks again. While the same was asked already, urql waits for that answer, which may have been read before the change that is to be shown:
 * then this asks once more.
 */
async function freshly<Data, Variables extends AnyVariables>(
  client: Client,
  query: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  context?: Partial<OperationContext>,
): Promise<void> {
  for (let sent = false, tries = 0; !sent && tries < 3; tries++) {
    const send: typeof fetch = (input, init) => {
      sent = true;
      return (context?.fetch ?? inTime)(input, init);
    };
    await client
      .query(query, variables, { ...context, fetch: send, requestPolicy: 'network-only' })
      .toPromise();
  }
}

const CALM_MS = 1000;

function latest<Result>(_: Result | null, next: Result): Result {
  return next;
}

/** What a stream that sends its whole state, or its changes, has brought; null before its first message. merge must not change. */
export function usePushed<Result, Variables extends Record<string, unknown>>(
  document: TypedDocumentNode<Result, Variables>,
  variables: Variables,
  merge: (before: Result | null, next: Result) => Result = latest,
) {
  const { api } = useSession();
  const key = JSON.stringify(variables);
  const [pushed, setPushed] = useState<{ key: string; data: Result | null; ended: string }>();
  useEffect(
    () =>
      follow(api.sockets, document, JSON.parse(key) as Variables, {
        next: (next) =>
          setPushed((pushed) => ({
            key,
            data: merge(pushed?.key === key ? pushed.data : null, next),
            ended: '',
          })),
        failed: (message) =>
          setPushed((pushed) => ({ key, data: pushed?.key === key ? pushed.data : null, ended: message })),
      }),
    [api, document, key, merge],
  );
  const own = pushed?.key === key ? pushed : undefined;
  return { data: own?.data ?? null, ended: own?.ended ?? '' };
}
