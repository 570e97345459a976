import { hear } from './clock';

/** The time limit for a response. */
const LIMIT_MS = 60_000;

/** fetch with a time limit: on a connection that the network dropped silently it would wait forever. Responses tell the server's time. */
export const inTime: typeof fetch = async (input, init) => {
  const limit = AbortSignal.timeout(LIMIT_MS);
  const requested = Date.now();
  const response = await fetch(input, {
    ...init,
    signal: init?.signal ? AbortSignal.any([init.signal, limit]) : limit,
  });
  hear(response.headers.get('Date'), requested, Date.now());
  return response;
};
