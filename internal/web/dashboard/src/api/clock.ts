// The server's clock. Times of the API are compared with it, and relative times for the API are computed by it: the browser's may be wrong
// by hours. Every screen is drawn after the first response, which tells it.

/** How far the server's clock is ahead of the browser's, in ms. */
let ahead = 0;

/** The current time by the server's clock, in ms since 1970, to about a second. */
export function now(): number {
  return Date.now() + ahead;
}

/**
 * Takes the time of a response: its Date, which has whole seconds, and when it was requested and received by the browser's clock. Clocks that
 * may agree are taken to agree.
 */
export function hear(date: string | null, requested: number, received: number): void {
  const at = Date.parse(date ?? '');
  const least = at - received;
  const most = at + 1000 - requested;
  if (Number.isNaN(at) || (least <= ahead && ahead <= most)) return;
  ahead = least <= 0 && 0 <= most ? 0 : Math.round((least + most) / 2);
}
