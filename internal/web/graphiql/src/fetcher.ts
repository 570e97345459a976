// GraphiQL's way to the server: queries and mutations over HTTP, subscriptions over WebSocket, both at /graphql of the
// server that served the page. A failed request becomes a GraphQL error that says what to do about it.

import type { Fetcher, FetcherParams } from '@graphiql/toolkit';
import {
  type ExecutionResult,
  getOperationAST,
  type OperationDefinitionNode,
  parse as parseQuery,
} from 'graphql';
import { createClient } from 'graphql-ws';
import { type Credentials, headers } from './credentials';
import type { Observer, Start, Streams } from './streams';

// A variable, because Vite would treat a literal as the URL of a file to bundle.
const module = import.meta.url;

// Relative to this file, which is two directories below the server's root: a proxy may put a path before that.
const HTTP_URL = new URL(
  'graphql',
  import.meta.env.DEV ? new URL('/', location.href) : new URL('../..', module),
);
const WS_URL = Object.assign(new URL(HTTP_URL), {
  protocol: location.protocol === 'https:' ? 'wss:' : 'ws:',
});

type Headers = Record<string, string>;

/** onRefused is called each time the server does not accept the credentials. */
export function createFetcher(credentials: Credentials, streams: Streams, onRefused: () => void): Fetcher {
  return (params, options) => {
    const resumed = streams.takeResumed();
    if (resumed) return resumed;
    // GraphiQL's headers editor takes precedence.
    const sent = { ...headers(credentials), ...(options?.headers as Headers | undefined) };
    const operation = operationOf(params);
    const request = { ...params, operationName: operation?.name?.value ?? params.operationName };
    if (operation?.operation === 'subscription') return streams.open(subscription(request, sent, onRefused));
    return post(request, sent, onRefused);
  };
}

// GraphiQL takes the operation's name from its latest, delayed parse: right after a change of tabs that is another tab's.
function operationOf({ query, operationName }: FetcherParams): OperationDefinitionNode | null {
  try {
    const document = parseQuery(query);
    return getOperationAST(document, operationName) ?? getOperationAST(document) ?? null;
  } catch {
    return null; // The server reports the syntax error.
  }
}

async function post(params: FetcherParams, sent: Headers, onRefused: () => void): Promise<ExecutionResult> {
  let response: Response;
  let body: string;
  try {
    response = await fetch(HTTP_URL, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/graphql-response+json, application/json;q=0.9',
        ...sent,
      },
      body: JSON.stringify(params),
    });
    body = await response.text();
  } catch (error) {
    return failure(`The request did not reach the server (${reason(error)}). Is it running?`);
  }
  const result = parseResult(body);
  if (response.status === 401 || isUnauthenticated(result)) {
    onRefused();
    // A `data` key keeps GraphiQL from introspecting a second time.
    return {
      data: null,
      ...(result ??
        failure('The server did not accept the token (401). Set another one with the button above.')),
    };
  }
  return result ?? failure(`The server answered ${response.status} and no GraphQL: ${body.slice(0, 500)}`);
}

// One socket for one subscription: credentials are sent when it opens, so a new token needs a new socket.
function subscription(params: FetcherParams, sent: Headers, onRefused: () => void): Start {
  return (observer: Observer) => {
    const client = createClient({
      url: WS_URL.href,
      connectionParams: sent,
      // Reconnecting would silently restart the stream, with a gap.
      retryAttempts: 0,
      jsonMessageReviver: keepNumber,
    });
    const fail = (result: ExecutionResult) => {
      observer.next(result);
      observer.complete();
    };
    const unsubscribe = client.subscribe<Record<string, unknown>>(params, {
      next: (result) => observer.next(result as ExecutionResult),
      complete: () => observer.complete(),
      error(error) {
        if (Array.isArray(error)) {
          if (isUnauthenticated({ errors: error })) onRefused();
          return fail({ errors: error });
        }
        if (!(error instanceof CloseEvent)) return fail(failure(reason(error)));
        if (error.code === 4401 || error.code === 4403) onRefused();
        fail(failure(closed(error)));
      },
    });
    return () => {
      unsubscribe();
      void client.dispose();
    };
  };
}

/** What a close code of graphql-transport-ws, or of WebSocket (RFC 6455, section 7.4), means to the user. */
function closed({ code, reason: why }: CloseEvent): string {
  const said = why ? `${code}, "${why}"` : `${code}`;
  switch (code) {
    case 4401:
    case 4403:
      return `The server refused the WebSocket (${said}). Check the token and the tenant, with the button above.`;
    case 4429:
      return `The server refused the WebSocket: too many at once (${said}).`;
    case 1000:
    case 1001:
    case 1012:
      return `The server ended the stream (${said}). Run it again to go on.`;
    case 1006:
      return (
        'The WebSocket was lost or could not be opened (1006). If queries work and this does not, ' +
        'a proxy between here and the server probably does not pass WebSockets on.'
      );
    default:
      return `The server closed the WebSocket (${said}).`;
  }
}

function failure(message: string): ExecutionResult {
  // GraphiQL prints the result as JSON: plain objects here, a GraphQLError would add empty fields.
  return { errors: [{ message }] } as unknown as ExecutionResult;
}

function isUnauthenticated(
  result: { errors?: readonly { extensions?: { code?: unknown } }[] } | null,
): boolean {
  return result?.errors?.some((error) => error.extensions?.code === 'UNAUTHENTICATED') ?? false;
}

function parseResult(body: string): ExecutionResult | null {
  try {
    const result: unknown = JSON.parse(body, keepNumber);
    return typeof result === 'object' && result !== null && ('data' in result || 'errors' in result)
      ? (result as ExecutionResult)
      : null;
  } catch {
    return null;
  }
}

// Shows 12345678901234567890 and 1.10 as the server sent them, where the browser can (JSON.rawJSON).
function keepNumber(_key: string, value: unknown, context?: { source?: string }): unknown {
  const { rawJSON } = JSON as { rawJSON?: (text: string) => unknown };
  const source = context?.source;
  if (typeof value !== 'number' || !rawJSON || !source || String(value) === source) return value;
  return rawJSON(source);
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
