/** The time limit for a response. */
const LIMIT_MS = 60_000;

/** fetch with a time limit: on a connection that the network dropped silently it would wait forever. */
export const inTime: typeof fetch = (input, init) => {
  const limit = AbortSignal.timeout(LIMIT_MS);
  return fetch(input, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, limit]) : limit });
};
