import { useCallback } from 'react';
import { useSearchParams } from 'wouter';

/** The parameters of the address, and a function that changes some of them: null or "" removes one. */
export function useAddress() {
  const [params, setParams] = useSearchParams();
  const set = useCallback(
    (changes: Record<string, string | null>, replace = false) =>
      setParams(
        (params) => {
          const next = new URLSearchParams(params);
          for (const [name, value] of Object.entries(changes)) {
            if (value) next.set(name, value);
            else next.delete(name);
          }
          return next;
        },
        { replace },
      ),
    [setParams],
  );
  return [params, set] as const;
}
