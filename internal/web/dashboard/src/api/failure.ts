import type { CombinedError } from 'urql';

/** An error as the page shows it to people. */
export interface Failure {
  message: string;
  code?: string;
  /** The scope that the token lacks. */
  scope?: string;
  /** The request ID under which the server's log has the cause. */
  requestId?: string;
  /** Whether a retry may succeed soon. */
  again: boolean;
}

interface Extensions {
  code?: unknown;
  scope?: unknown;
  requestId?: unknown;
}

const PASSING = new Set(['UNAVAILABLE', 'RATE_LIMITED', 'CANCELED']);

/** Explains an error of urql; null if there is none, or only missing scopes, whose fields are absent. */
export function failureOf(error: CombinedError | undefined): Failure | null {
  if (!error) return null;
  if (error.networkError) {
    const status = (error.response as Response | undefined)?.status;
    return {
      message: status
        ? `The server answered ${status}.`
        : `The server could not be reached (${error.networkError.message}).`,
      again: true,
      requestId: headerOf(error),
    };
  }
  const first = error.graphQLErrors.find((e) => extensionsOf(e).code !== 'FORBIDDEN');
  if (!first) return null;
  const { code, requestId } = extensionsOf(first);
  return {
    message: first.message,
    code: text(code),
    requestId: text(requestId) ?? headerOf(error),
    again: PASSING.has(String(code)),
  };
}

/** The scopes that the token lacks for the operation. */
export function missingScopes(error: CombinedError | undefined): string[] {
  const scopes = (error?.graphQLErrors ?? [])
    .map(extensionsOf)
    .filter(({ code }) => code === 'FORBIDDEN')
    .map(({ scope }) => text(scope) ?? 'operator');
  return [...new Set(scopes)];
}

/** Whether the server did not accept the token. */
export function isRefused(error: CombinedError | undefined): boolean {
  if (!error) return false;
  const status = (error.response as Response | undefined)?.status;
  return status === 401 || error.graphQLErrors.some((e) => extensionsOf(e).code === 'UNAUTHENTICATED');
}

function extensionsOf(error: { extensions?: unknown }): Extensions {
  return (error.extensions ?? {}) as Extensions;
}

function headerOf(error: CombinedError): string | undefined {
  return (error.response as Response | undefined)?.headers?.get('Hookgraph-Request-Id') ?? undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
