import { useEffect, useRef } from 'react';
import { watch } from '../api/watch';
import { useSession } from '../frame/Session';
import { WatchWebhookDocument } from '../gql/graphql';

const CALM_MS = 1000;

/** Calls changed after attempts to the webhook, at most once a second. */
export function useAttempts(id: string, changed: () => void): void {
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
      }, CALM_MS);
    };
    const stop = watch(
      api.sockets,
      WatchWebhookDocument,
      { filter: { webhookIds: [id] } },
      { next: soon, missed: soon, failed: () => {} },
    );
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [api, id]);
}
