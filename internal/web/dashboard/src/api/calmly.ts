/**
 * Runs a task after each call of soon: immediately, but never while it is still running, and not until ms have passed since it ended. Calls
 * in the meantime cause one more run. A slow task is thus never started again before it has ended, however often soon is called.
 */
export function calmly(
  run: () => Promise<unknown>,
  ms: number | (() => number),
): { soon(): void; stop(): void } {
  const pause = () => (typeof ms === 'number' ? ms : ms());
  let timer: ReturnType<typeof setTimeout> | undefined;
  let state: 'idle' | 'waiting' | 'running' | 'again' | 'stopped' = 'idle';
  let ended = Number.NEGATIVE_INFINITY;

  function soon() {
    if (state === 'running') state = 'again';
    if (state !== 'idle') return;
    state = 'waiting';
    timer = setTimeout(begin, Math.max(0, ended + pause() - performance.now()));
  }

  async function begin() {
    state = 'running';
    try {
      await run();
    } catch {
      // The caller shows the error.
    }
    ended = performance.now();
    const isAgain = (state as string) === 'again';
    if ((state as string) === 'stopped') return;
    state = 'idle';
    if (isAgain) soon();
  }

  return {
    soon,
    stop() {
      clearTimeout(timer);
      state = 'stopped';
    },
  };
}
