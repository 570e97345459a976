interface Payload {
  variables?: Record<string, unknown> | null | undefined;
}

interface GraphQLError {
  message: string;
  extensions?: { code?: string; oldest?: string; retryAfterMs?: number };
}

interface Result {
  data?: any;
  errors?: readonly GraphQLError[];
}

interface Sink {
  next(result: any): void;
  error(reason: unknown): void;
  complete(): void;
}

/**
 * Wraps a client of graphql-ws or graphql-sse so that streams of attempts resume after the last cursor. After a lost
 * connection both clients send the same object again, so the cursor is kept in it. After an error of the server they give up;
 * this retries if that may help. It calls missed if retention has removed the next attempts (CURSOR_EXPIRED), or the database
 * was restored from an earlier copy and may lack attempts already seen (CURSOR_LOST). The stream then continues with everything
 * that the server has.
 */
export function resuming<Client extends { subscribe: (payload: any, sink: any) => () => void }>(
  client: Client,
  missed: (code: 'CURSOR_EXPIRED' | 'CURSOR_LOST') => void,
): Client {
  function subscribe(payload: Payload, sink: Sink) {
    const variables = { ...payload.variables };
    let tries = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let end = () => {};

    function failed(reason: unknown) {
      const { code, oldest, retryAfterMs = 0 } = (Array.isArray(reason) && (reason as GraphQLError[])[0]?.extensions) || {};
      if (code === 'CURSOR_EXPIRED' || code === 'CURSOR_LOST') {
        variables['after'] = oldest;
        missed(code);
      } else if (code !== 'UNAVAILABLE' && code !== 'RATE_LIMITED') {
        sink.error(readable(reason));
        return;
      }
      timer = setTimeout(start, Math.max(pause(tries++), retryAfterMs));
    }

    function start() {
      let errors: Result['errors']; // over server-sent events: a result without data, then complete
      end = client.subscribe(
        { ...payload, variables },
        {
          next(result: Result) {
            if (!result.data) {
              errors = result.errors;
              return;
            }
            tries = 0;
            variables['after'] = result.data.deliveryAttempts?.cursor ?? variables['after'];
            sink.next(result);
          },
          error: failed,
          complete: () => (errors ? failed(errors) : sink.complete()),
        },
      );
    }

    start();
    return () => {
      clearTimeout(timer);
      end();
    };
  }
  return { ...client, subscribe };
}

/** Converts the close of a WebSocket to a readable error; otherwise urql shows "[Network] undefined". */
function readable(reason: unknown): unknown {
  const { code, reason: why } = reason as { code?: number; reason?: string };
  return reason instanceof Error || code === undefined ? reason : new Error(`the connection was closed: ${why} (${code})`);
}

/** The delay before a retry: a quarter of a second to half a minute, with jitter. */
function pause(retries: number): number {
  return Math.min(30_000, 250 * 2 ** retries) * (0.5 + Math.random() / 2);
}

/** Waits before the next attempt to connect. */
export function backoff(retries: number, atLeastMs = 0): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(pause(retries), atLeastMs)));
}

/** Whether to connect again: not with a rejected token, because the server counts further attempts as guessing. */
export function hopeful(reason: unknown): boolean {
  return (reason as { code?: number }).code !== 4403;
}
