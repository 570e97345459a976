import { useSyncExternalStore } from 'react';

/** Whether a media query is true. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (listener) => {
      const media = matchMedia(query);
      media.addEventListener('change', listener);
      return () => media.removeEventListener('change', listener);
    },
    () => matchMedia(query).matches,
  );
}

/** Where two panes do not fit beside each other. */
export const NARROW = '(width < 760px)';
