/**
 * Runs something after each call of soon: at once, but never while it still runs, and not before ms have passed since it ended. Calls
 * meanwhile lead to one more run. Something slow is thus never begun again before it has ended, however often soon is called.
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
      // Whoever runs it shows what failed.
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
