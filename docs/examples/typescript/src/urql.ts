import { backoff, hopeful, resuming } from '@hookgraph/client';
import { Client, cacheExchange, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws'; // for Node 20; browsers have their own
import { WatchAttempts } from './documents.js';
import { server, token } from './settings.js';

const sockets = resuming(
  createClient({
    url: `${server.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: () => ({ Authorization: `Bearer ${token}` }),
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: backoff,
    shouldRetry: hopeful,
    keepAlive: 10_000, // notices a connection that broke silently
  }),
  () => console.warn('some attempts are no longer there'),
);

const client = new Client({
  url: `${server}/graphql`,
  fetchOptions: () => ({ headers: { Authorization: `Bearer ${token}` } }),
  preferGetMethod: false,
  exchanges: [
    cacheExchange,
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: ({ query = '', variables }) => ({
        subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ query, variables }, sink as never) }),
      }),
    }),
  ],
});

// A start time: after a reconnect before the first result, nothing is missed.
const since = new Date().toISOString();
client.subscription(WatchAttempts, { since }).subscribe(({ data, error }) => {
  if (error) throw error;
  const attempt = data?.deliveryAttempts.node;
  if (attempt) console.log(attempt.event?.id, attempt.event?.type, attempt.webhook?.url, attempt.status);
});
