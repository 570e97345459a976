import { useEffect, useRef } from 'react';
import { useSession } from '../frame/Session';
import { WatchWebhookDocument } from '../gql/graphql';
import { watch } from './watch';

/** Calls changed after attempts, to the webhook if there is one, at most once in calmMs. */
export function useAttempts(changed: () => void, calmMs: number, webhook?: string): void {
  const { api } = useSession();
  const run = useRef(changed);
  useEffect(() => {
    run.current = changed;
  });
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        run.current();
      }, calmMs);
    };
    const stop = watch(
      api.sockets,
      WatchWebhookDocument,
      { filter: webhook === undefined ? null : { webhookIds: [webhook] } },
      { next: soon, missed: soon, failed: () => {} },
    );
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [api, calmMs, webhook]);
}
