import { createClient, type Client as SocketClient } from 'graphql-ws';
import { Client, cacheExchange, fetchExchange, makeOperation, mapExchange, type Operation } from 'urql';
import { type Credentials, headers } from '../../../graphiql/src/credentials';
import { GRAPHQL, GRAPHQL_SOCKET } from './base';
import { failureOf, isRefused } from './failure';
import { inTime } from './inTime';

/** The clients with which the page calls the server, for one caller. */
export interface Api {
  client: Client;
  sockets: SocketClient;
  /** Reports the state of the streams' connection. Returns a function that stops the reports. */
  onLink(listener: (link: Link) => void): () => void;
  dispose(): void;
}

export type Link = 'connecting' | 'connected' | 'lost';

/**
 * refused is called each time the server does not accept the credentials. The connection for streams stays open on screens without streams,
 * too: that is how the page learns that the server can be reached again, or that the credentials have ended.
 */
export function createApi(credentials: Credentials, refused: () => void): Api {
  const sent = headers(credentials);
  const failures = failedQueries();
  const client = new Client({
    url: GRAPHQL.href,
    preferGetMethod: false,
    fetch: inTime,
    requestPolicy: 'cache-and-network',
    fetchOptions: {
      headers: { ...sent, Accept: 'application/graphql-response+json, application/json;q=0.9' },
    },
    exchanges: [
      mapExchange({
        onResult(result) {
          if (isRefused(result.error)) refused();
        },
      }),
      failures.exchange,
      cacheExchange,
      fetchExchange,
    ],
  });

  const listeners = new Set<(link: Link) => void>();
  const tell = (link: Link) => {
    for (const listener of listeners) listener(link);
  };
  // A connection that the network dropped silently looks alive until a ping gets no answer.
  let silence: ReturnType<typeof setTimeout> | undefined;
  const sockets = createClient({
    url: GRAPHQL_SOCKET.href,
    connectionParams: sent,
    lazy: false,
    onNonLazyError() {}, // closed tells
    connectionAckWaitTimeout: SILENCE_MS,
    keepAlive: 10_000,
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: (retries) => wait(pause(retries)),
    // The server would count repeated calls with a rejected token as guessing.
    shouldRetry: (event) => !isRefusal(event),
    on: {
      connecting: () => tell('connecting'),
      connected() {
        tell('connected');
        failures.repeat(client);
      },
      ping(received) {
        if (received) return;
        clearTimeout(silence);
        silence = setTimeout(() => sockets.terminate(), SILENCE_MS);
      },
      pong(received) {
        if (received) clearTimeout(silence);
      },
      closed(event) {
        clearTimeout(silence);
        if (isRefusal(event)) refused();
        // The page itself closes it normally.
        else if ((event as CloseEvent).code !== NORMAL_CLOSURE) tell('lost');
      },
    },
  });
  const stop = onWake(() => sockets.terminate());

  return {
    client,
    sockets,
    onLink(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    dispose() {
      stop();
      clearTimeout(silence);
      void sockets.dispose();
    },
  };
}

/** The queries on the screen that failed, and may work later; repeat runs them again. */
function failedQueries() {
  const failed = new Map<number, Operation>();
  return {
    exchange: mapExchange({
      onOperation({ kind, key }) {
        if (kind === 'teardown') failed.delete(key);
      },
      onResult({ operation, error }) {
        if (operation.kind === 'query' && failureOf(error)?.again) failed.set(operation.key, operation);
        else failed.delete(operation.key);
      },
    }),
    repeat(client: Client) {
      for (const operation of [...failed.values()]) {
        const context = { ...operation.context, requestPolicy: 'network-only' as const };
        client.reexecuteOperation(makeOperation('query', operation, context));
      }
    },
  };
}

/** The delay before a retry: a quarter of a second at first, ten seconds at most, with jitter. */
export function pause(retries: number): number {
  return Math.min(10_000, 250 * 2 ** retries) * (0.5 + Math.random() / 2);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function isRefusal(event: unknown): boolean {
  const { code } = event as { code?: number };
  return code === 4401 || code === 4403;
}

/** How long the server may take to answer on a connection that is open. */
const SILENCE_MS = 8_000;

/** RFC 6455, section 7.4.1. */
const NORMAL_CLOSURE = 1000;

const TICK_MS = 5_000;

// After a machine has slept, timers fire late, and a dead connection may look alive for a long time.
function onWake(woke: () => void): () => void {
  let last = Date.now();
  const timer = setInterval(() => {
    const now = Date.now();
    if (now - last > 4 * TICK_MS) woke();
    last = now;
  }, TICK_MS);
  addEventListener('online', woke);
  return () => {
    clearInterval(timer);
    removeEventListener('online', woke);
  };
}
