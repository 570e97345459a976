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
 * Makes a client of graphql-ws or graphql-sse whose streams of attempts go on where they broke off: after the last cursor.
 * When the connection is lost both send the same payload again, so that cursor must be in it by then. When the server ends
 * the stream with an error they do not try again. This does, if it can help. It calls missed when retention has removed what
 * came next (CURSOR_EXPIRED), or the server's database was restored from an earlier copy (CURSOR_LOST): attempts that were seen
 * may be gone. The stream then goes on with everything that the server has.
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
      let errors: Result['errors']; // over server-sent events they come as a result without data, and then it completes
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

/** A WebSocket that was closed, as an error that says why: urql shows "[Network] undefined" otherwise. */
function readable(reason: unknown): unknown {
  const { code, reason: why } = reason as { code?: number; reason?: string };
  return reason instanceof Error || code === undefined ? reason : new Error(`the connection was closed: ${why} (${code})`);
}

/** A quarter of a second at first, half a minute in the end, and not the same for all clients. */
function pause(retries: number): number {
  return Math.min(30_000, 250 * 2 ** retries) * (0.5 + Math.random() / 2);
}

/** Waits before the next try to connect. */
export function backoff(retries: number, atLeastMs = 0): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(pause(retries), atLeastMs)));
}

/** Whether another try to connect may help. It does not when the token is refused: more of them are taken for guessing. */
export function hopeful(reason: unknown): boolean {
  return (reason as { code?: number }).code !== 4403;
}
