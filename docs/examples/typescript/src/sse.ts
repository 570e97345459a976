import { backoff, resuming } from '@hookgraph/client';
import { print } from 'graphql';
import { createClient } from 'graphql-sse';
import { WatchAttempts } from './documents.js';
import type { WatchAttemptsSubscription } from './gql/graphql.js';
import { server, token } from './settings.js';

let answer: Response | undefined;
const client = resuming(
  createClient({
    url: `${server}/graphql`,
    headers: () => ({ Authorization: `Bearer ${token}` }),
    fetchFn: async (...request: Parameters<typeof fetch>) => {
      answer = undefined;
      return (answer = await fetch(...request));
    },
    retryAttempts: Number.POSITIVE_INFINITY,
    retry(retries) {
      if (answer?.status === 401 || answer?.status === 403) throw new Error('the token is refused'); // more attempts count as guessing
      return backoff(retries, Number(answer?.headers.get('Retry-After') ?? 0) * 1000); // RATE_LIMITED before the stream begins
    },
  }),
  () => console.warn('some attempts are no longer there'),
);

// A start time: after a reconnect before the first result, nothing is missed.
const since = new Date().toISOString();
client.subscribe<WatchAttemptsSubscription>(
  { query: print(WatchAttempts), variables: { since } },
  {
    next({ data, errors }) {
      if (errors) throw new Error(errors[0]?.message);
      const attempt = data?.deliveryAttempts.node;
      if (attempt) console.log(attempt.event?.id, attempt.event?.type, attempt.webhook?.url, attempt.status);
    },
    error(reason) {
      throw reason;
    },
    complete() {},
  },
);
