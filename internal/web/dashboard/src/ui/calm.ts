import { useEffect, useRef } from 'react';

/** Calls run after value has changed, at most once in ms. */
export function useCalm(value: unknown, ms: number, run: () => void): void {
  const current = useRef(run);
  const seen = useRef(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    current.current = run;
  });
  useEffect(() => {
    if (value === seen.current) return;
    seen.current = value;
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      current.current();
    }, ms);
  }, [value, ms]);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );
}
