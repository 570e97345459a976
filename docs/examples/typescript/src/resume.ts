interface Payload {
  variables?: Record<string, unknown> | null | undefined;
}

interface Sink<Result> {
  next(result: Result): void;
  error(reason: unknown): void;
  complete(): void;
}

/**
 * Makes a client of graphql-ws or graphql-sse whose streams of attempts go on where they broke off. Both send the same
 * payload again when they have reconnected: what must be in it by then is the last cursor.
 */
export function resuming<Client extends { subscribe: (payload: any, sink: any) => () => void }>(client: Client): Client {
  return {
    ...client,
    subscribe(payload: Payload, sink: Sink<{ data?: any }>) {
      const variables = { ...payload.variables };
      return client.subscribe(
        { ...payload, variables },
        {
          next(result: { data?: any }) {
            variables['after'] = result.data?.deliveryAttempts?.cursor ?? variables['after'];
            sink.next(result);
          },
          error: (reason: unknown) => sink.error(reason),
          complete: () => sink.complete(),
        },
      );
    },
  };
}

/** Waits before the next try: a quarter of a second at first, half a minute in the end, and not all clients at once. */
export function backoff(retries: number): Promise<void> {
  const most = Math.min(30_000, 250 * 2 ** retries);
  return new Promise((resolve) => setTimeout(resolve, most * (0.5 + Math.random() / 2)));
}

/** Whether another try may help. It does not when the token is refused: more of them are taken for guessing. */
export function hopeful(reason: unknown): boolean {
  return (reason as { code?: number }).code !== 4403;
}
