import { useCallback, useEffect, useRef, useState } from 'react';
import { type AnyVariables, type OperationContext, type TypedDocumentNode, useQuery } from 'urql';
import { useSession } from '../frame/Session';
import {
  type DeliveryAttemptFilter,
  type DeliveryFilter,
  WatchChangesDocument,
  WatchDeliveryDocument,
} from '../gql/graphql';
import { calmly } from './calmly';
import type { Watch } from './changes';
import { freshly } from './freshly';
import { follow, watch } from './watch';

/** What to watch: changes of deliveries, or their attempts. */
export type Followed = { deliveries: DeliveryFilter } | { attempts: DeliveryAttemptFilter };

interface Options {
  context?: Partial<OperationContext>;
  pause?: boolean;
}

/** The result of a query, which runs again after a watched change: at most once a second, and never before the previous response. */
export function useLive<Data, Variables extends AnyVariables>(
  query: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  followed: Followed,
  options: Options = {},
) {
  const { api } = useSession();
  const key = JSON.stringify(followed);
  const signals: Watch = useCallback(
    (soon) => {
      const followed = JSON.parse(key) as Followed;
      const watcher = { next: soon, missed: soon, failed: () => {} };
      return 'attempts' in followed
        ? watch(api.sockets, WatchDeliveryDocument, { filter: followed.attempts }, watcher)
        : follow(api.sockets, WatchChangesDocument, { filter: followed.deliveries }, watcher);
    },
    [api, key],
  );
  return useWatched(query, variables, signals, options);
}

/** The result of a query, which runs again after each signal, as in useLive; without signals only on demand. signals must be stable between renders. */
export function useWatched<Data, Variables extends AnyVariables>(
  query: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  signals: Watch | undefined,
  { context, pause = false }: Options = {},
) {
  const { api } = useSession();
  const [{ data, error, fetching }] = useQuery({ query, variables, context, pause });
  const key = JSON.stringify(variables);
  useEffect(() => {
    if (pause || !signals) return;
    const variables = JSON.parse(key) as Variables;
    const { soon, stop } = calmly(() => freshly(api.client, query, variables, context), CALM_MS);
    const leave = signals(soon);
    return () => {
      stop();
      leave();
    };
  }, [api, query, key, context, pause, signals]);
  return {
    data,
    error,
    fetching,
    reload: () => void freshly(api.client, query, variables, context),
  };
}

const CALM_MS = 1000;

/**
 * The result of a query, which runs again after version has grown: at most once every ms, and never before the previous response. version counts
 * the changes.
 */
export function useCounted<Data, Variables extends AnyVariables>(
  query: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  version: number,
  ms: number,
) {
  const { api } = useSession();
  const [{ data, error }] = useQuery({ query, variables });
  const key = JSON.stringify(variables);
  const again = useRef(() => {});
  const seen = useRef(version);
  useEffect(() => {
    const { soon, stop } = calmly(() => freshly(api.client, query, JSON.parse(key) as Variables), ms);
    again.current = soon;
    return stop;
  }, [api, query, key, ms]);
  useEffect(() => {
    // It restarts at 0 with another filter, whose query has just been sent.
    if (version > seen.current) again.current();
    seen.current = version;
  }, [version]);
  return { data, error };
}

function latest<Result>(_: Result | null, next: Result): Result {
  return next;
}

/** The state of a stream that sends its whole state, or changes of it; null before its first message. merge must be stable between renders. */
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
