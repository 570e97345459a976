import { createClient } from 'graphql-sse';
import type { TypedDocumentString } from './gql/graphql.js';
import { backoff, resuming } from './resume.js';

/** The options of a client. */
export interface Options {
  /** The server, such as https://hookgraph.example.com. */
  url: string;
  /** A token, or a function that returns the current one. A browser gets it from its own backend: a token is a secret. */
  token: string | (() => string | Promise<string>);
  /** The name of the tenant that an operator's token acts for. */
  tenant?: string;
  /** The default is the global fetch. */
  fetch?: typeof fetch;
}

/** The callbacks of a stream. */
export interface Watch<Result> {
  /** Called with each result, in order. */
  next(result: Result): void;
  /**
   * Called when attempts may be missing because retention has removed them (CURSOR_EXPIRED) or the database was restored
   * from an earlier copy (CURSOR_LOST). The stream continues with everything that the server has.
   */
  missed?(code: 'CURSOR_EXPIRED' | 'CURSOR_LOST'): void;
  /** Ends the stream. */
  signal?: AbortSignal;
}

/** An error of the client or the server. Validation errors of a mutation are `userErrors` of its payload instead. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    message: string,
    /** UNAUTHENTICATED, FORBIDDEN, BAD_USER_INPUT, RATE_LIMITED, …; absent if the answer is not the API's. */
    readonly code?: string,
    /** The server's log has the cause under it. */
    readonly requestId?: string,
    /** When to try again, if the code is RATE_LIMITED or UNAVAILABLE. */
    readonly retryAfterMs?: number,
    /** The partial data of the response; fields that the token may not read are null. */
    readonly data?: unknown,
  ) {
    super(message);
  }
}

interface GraphQLErrors {
  errors?: readonly { message: string; extensions?: { code?: string; requestId?: string; retryAfterMs?: number } }[];
}

/** Variables may be omitted for a document that needs none. */
type Arguments<Variables> = Record<string, never> extends Variables ? [variables?: Variables] : [variables: Variables];

/** A client of one server. */
export class Hookgraph {
  readonly #options: Options;
  readonly #url: string;

  constructor(options: Options) {
    this.#options = options;
    this.#url = `${options.url.replace(/\/+$/, '')}/graphql`;
  }

  /** Runs a query or a mutation. Throws an ApiError, or the error of fetch. */
  async request<Result, Variables>(
    document: TypedDocumentString<Result, Variables>,
    ...[variables]: Arguments<Variables>
  ): Promise<Result> {
    const response = await (this.#options.fetch ?? fetch)(this.#url, {
      method: 'POST',
      headers: {
        ...(await this.#headers()),
        'Content-Type': 'application/json',
        Accept: 'application/graphql-response+json',
      },
      body: JSON.stringify({ query: document.toString(), variables }),
    });
    let answer: (GraphQLErrors & { data?: Result | null }) | undefined;
    try {
      answer = await response.json();
    } catch {
      throw new ApiError(`the server answered ${response.status} without JSON`);
    }
    if (answer?.errors?.length) throw refusal(answer, answer.data);
    if (answer?.data == null) throw new ApiError(`the server answered ${response.status} without data`);
    return answer.data;
  }

  /**
   * Runs a subscription until its signal ends it, over server-sent events. A lost connection is opened again. A document of
   * `deliveryAttempts` that selects `cursor` and takes `$after` resumes after the last result: give it `since` to start with, and
   * nothing is missed. The promise is rejected when trying again does not help, such as with a refused token.
   */
  watch<Result, Variables>(
    document: TypedDocumentString<Result, Variables>,
    variables: Variables,
    { next, missed = () => {}, signal }: Watch<Result>,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        resolve();
        return;
      }
      const client = resuming(this.#stream(), missed);
      let stop = () => {};
      const end = (settle: () => void) => {
        signal?.removeEventListener('abort', aborted);
        stop();
        settle();
      };
      const aborted = () => end(resolve);
      stop = client.subscribe<Result & Record<string, unknown>>(
        { query: document.toString(), variables: variables as Record<string, unknown> },
        {
          next(result) {
            if (result.errors) end(() => reject(refusal(result as GraphQLErrors, result.data)));
            else next(result.data as Result);
          },
          error: (reason) => end(() => reject(asError(reason))),
          complete: () => end(resolve),
        },
      );
      signal?.addEventListener('abort', aborted);
    });
  }

  /** A client of one stream, which remembers the server's last response. */
  #stream() {
    let answer: Response | undefined;
    return createClient({
      url: this.#url,
      headers: () => this.#headers(),
      fetchFn: async (...request: Parameters<typeof fetch>) => {
        answer = undefined;
        answer = await (this.#options.fetch ?? fetch)(...request);
        return answer;
      },
      retryAttempts: Number.POSITIVE_INFINITY,
      retry(retries) {
        if (answer?.status === 401 || answer?.status === 403) throw new ApiError('the token is refused', 'UNAUTHENTICATED'); // more attempts count as guessing
        return backoff(retries, Number(answer?.headers.get('Retry-After') ?? 0) * 1000);
      },
    });
  }

  async #headers(): Promise<Record<string, string>> {
    const { token, tenant } = this.#options;
    return {
      Authorization: `Bearer ${typeof token === 'string' ? token : await token()}`,
      ...(tenant === undefined ? {} : { 'Hookgraph-Tenant': tenant }),
    };
  }
}

/** The error of a response with errors. */
function refusal({ errors = [] }: GraphQLErrors, data?: unknown): ApiError {
  const { message = 'unknown error', extensions: is } = errors[0] ?? {};
  return new ApiError(message, is?.code, is?.requestId, is?.retryAfterMs, data ?? undefined);
}

/** An error of a stream: its own, or those that the server sent. */
function asError(reason: unknown): Error {
  if (Array.isArray(reason)) return refusal({ errors: reason });
  return reason instanceof Error ? reason : new ApiError(String(reason));
}
