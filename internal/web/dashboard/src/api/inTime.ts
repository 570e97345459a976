/** How long an answer may take. */
const LIMIT_MS = 60_000;

/** fetch, which fails when there is no answer in time: a connection that the network lost without a word would have it wait forever. */
export const inTime: typeof fetch = (input, init) => {
  const limit = AbortSignal.timeout(LIMIT_MS);
  return fetch(input, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, limit]) : limit });
};
