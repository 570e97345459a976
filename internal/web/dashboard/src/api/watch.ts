import type { ExecutionResult } from 'graphql';
import type { Client as SocketClient } from 'graphql-ws';
import { stringifyDocument, type TypedDocumentNode } from 'urql';
import { pause } from './client';

export interface Watcher<Result> {
  next(data: Result): void;
  /** Attempts are missing: retention removed them, or the database was restored. The stream continues with the attempts that are kept. */
  missed(): void;
  /** The stream ended, and a retry would not help. */
  failed(message: string): void;
}

interface Streamed {
  deliveryAttempts?: { cursor: string } | null;
}

interface StreamVariables {
  after?: string | null | undefined;
  since?: string | null | undefined;
}

interface StreamError {
  message: string;
  extensions?: { code?: string; oldest?: string; retryAfterMs?: number };
}

// The stream includes attempts of these last seconds: a query that was sent before the stream began may not have them. Callers must
// skip attempts that they already have.
const OVERLAP_SECONDS = 10;

/**
 * Watches a stream of attempts, and resumes it as often as necessary: after the last cursor or, before the first attempt, from the time
 * at which it began. Returns a function that ends it.
 */
export function watch<Result extends Streamed, Variables extends StreamVariables>(
  sockets: SocketClient,
  document: TypedDocumentNode<Result, Variables>,
  variables: Variables,
  watcher: Watcher<Result>,
): () => void {
  const began = Date.now();
  let after: string | undefined;
  let tries = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let end = () => {};

  // graphql-ws sends the same object again when it reconnects: it must have the last cursor by then.
  const sent: Record<string, unknown> = Object.fromEntries(Object.entries(variables));
  Object.defineProperties(sent, {
    after: { enumerable: true, get: () => after },
    since: { enumerable: true, get: () => sinceThen(began) },
  });

  function start() {
    end = sockets.subscribe<Result>(
      { query: stringifyDocument(document), variables: sent },
      {
        next(result) {
          const data = (result as ExecutionResult<Result>).data;
          if (!data) return;
          tries = 0;
          after = data.deliveryAttempts?.cursor ?? after;
          watcher.next(data);
        },
        error: failed,
        complete: () => {},
      },
    );
  }

  function failed(reason: unknown) {
    const errors = Array.isArray(reason) ? (reason as StreamError[]) : [];
    const { code, oldest, retryAfterMs = 0 } = errors[0]?.extensions ?? {};
    if (code === 'CURSOR_EXPIRED' || code === 'CURSOR_LOST') {
      after = oldest;
      watcher.missed();
    } else if (code !== 'UNAVAILABLE' && code !== 'RATE_LIMITED') {
      watcher.failed(errors[0]?.message ?? 'The server ended the connection.');
      return;
    }
    timer = setTimeout(start, Math.max(pause(tries++), retryAfterMs));
  }

  start();
  return () => {
    clearTimeout(timer);
    end();
  };
}

/**
 * Follows a stream that has no positions: after a lost connection or a temporary error it starts again, and the server begins with what the
 * page needs to catch up. Returns a function that ends it.
 */
export function follow<Result, Variables extends Record<string, unknown>>(
  sockets: SocketClient,
  document: TypedDocumentNode<Result, Variables>,
  variables: Variables,
  watcher: Pick<Watcher<Result>, 'next' | 'failed'>,
): () => void {
  let tries = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let end = () => {};

  function start() {
    end = sockets.subscribe<Result>(
      { query: stringifyDocument(document), variables },
      {
        next(result) {
          const data = (result as ExecutionResult<Result>).data;
          if (!data) return;
          tries = 0;
          watcher.next(data);
        },
        error(reason) {
          const errors = Array.isArray(reason) ? (reason as StreamError[]) : [];
          const { code, retryAfterMs = 0 } = errors[0]?.extensions ?? {};
          if (code !== 'UNAVAILABLE' && code !== 'RATE_LIMITED') {
            watcher.failed(errors[0]?.message ?? 'The server ended the connection.');
            return;
          }
          timer = setTimeout(start, Math.max(pause(tries++), retryAfterMs));
        },
        complete: () => {},
      },
    );
  }

  start();
  return () => {
    clearTimeout(timer);
    end();
  };
}

/** A duration back from now to the given instant, by the server's clock. */
function sinceThen(began: number): string {
  return `-PT${Math.ceil((Date.now() - began) / 1000) + OVERLAP_SECONDS}S`;
}
