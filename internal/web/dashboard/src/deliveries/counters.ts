import { useCallback, useRef, useState } from 'react';

/** The stream's attempts in numbers, whether or not the list shows them. */
export interface Counters {
  succeeded: number;
  failed: number;
  /** Attempts in the last full second. */
  rate: number;
  /** The number of changes so far: attempts, and changes without an attempt. */
  version: number;
}

export const NO_COUNTERS: Counters = { succeeded: 0, failed: 0, rate: 0, version: 0 };

const SHOW_MS = 500;

/** The sums so far. behind is how far this clock is ahead of arriving attempts: the clocks differ, and the network takes time. */
function nothing() {
  return { succeeded: 0, failed: 0, changes: 0, times: [] as number[], behind: Number.POSITIVE_INFINITY };
}

/** Counts every attempt once, and shows the sums twice a second while they change. */
export function useCounters() {
  const [counters, setCounters] = useState(NO_COUNTERS);
  const exact = useRef(nothing());
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const show = useCallback(() => {
    timer.current = undefined;
    const now = Date.now();
    const { times, succeeded, failed, changes } = exact.current;
    while (times.length > 0 && (times[0] ?? now) < now - 1000) times.shift();
    setCounters({ succeeded, failed, rate: times.length, version: succeeded + failed + changes });
    // Once more, so that the rate falls to zero when no more attempts arrive.
    if (times.length > 0) timer.current = setTimeout(show, SHOW_MS);
  }, []);

  const count = useCallback(
    (ok: boolean, startedAt: string) => {
      const sums = exact.current;
      if (ok) sums.succeeded++;
      else sums.failed++;
      const started = Date.parse(startedAt);
      sums.behind = Math.min(sums.behind, Date.now() - started);
      sums.times.push(started + sums.behind);
      timer.current ??= setTimeout(show, SHOW_MS);
    },
    [show],
  );

  /** Counts a change without an attempt. */
  const note = useCallback(() => {
    exact.current.changes++;
    timer.current ??= setTimeout(show, SHOW_MS);
  }, [show]);

  const reset = useCallback(() => {
    exact.current = nothing();
    setCounters(NO_COUNTERS);
  }, []);

  return { counters, count, note, reset };
}
