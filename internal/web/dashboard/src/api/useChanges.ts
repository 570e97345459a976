import { useEffect, useRef } from 'react';
import type { TypedDocumentNode } from 'urql';
import { useSession } from '../frame/Session';
import { type TimeRange, WatchChangesDocument, WatchNumbersDocument } from '../gql/graphql';
import { follow } from './watch';

/** Calls changed after changes of deliveries, to the webhook if there is one, or of the webhook itself, at most once in calmMs. */
export function useChanges(changed: () => void, calmMs: number, webhook?: string): void {
  const filter = webhook === undefined ? null : { webhookIds: [webhook] };
  useFollowed(WatchChangesDocument, { filter }, changed, calmMs);
}

/** Calls changed when statistics of the range have changed, at most once in calmMs. */
export function useNumbers(changed: () => void, calmMs: number, range: TimeRange): void {
  useFollowed(WatchNumbersDocument, { range }, changed, calmMs);
}

function useFollowed<Result, Variables extends Record<string, unknown>>(
  document: TypedDocumentNode<Result, Variables>,
  variables: Variables,
  changed: () => void,
  calmMs: number,
): void {
  const { api } = useSession();
  const run = useRef(changed);
  useEffect(() => {
    run.current = changed;
  });
  const key = JSON.stringify(variables);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        run.current();
      }, calmMs);
    };
    const stop = follow(api.sockets, document, JSON.parse(key) as Variables, {
      next: soon,
      failed: () => {},
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [api, document, key, calmMs]);
}
