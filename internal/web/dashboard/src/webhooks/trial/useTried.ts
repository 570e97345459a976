import { useEffect, useRef, useState } from 'react';

/** How long typing pauses before settings are tried. */
const PAUSE_MS = 300;

export interface Tried<Preview> {
  preview: Preview;
  /** Whether it is that of what is typed now, not of what was typed before. */
  current: boolean;
}

/** The result of trying settings while they are typed; null until there is one. key tells settings apart; null for what cannot be tried. */
export function useTried<Preview>(
  key: string | null,
  trial: () => Promise<Preview | null | undefined>,
): Tried<Preview> | null {
  const newest = useRef(trial);
  newest.current = trial;
  const [tried, setTried] = useState<{ key: string; preview: Preview } | null>(null);

  useEffect(() => {
    if (key === null) return;
    let over = false;
    const timer = setTimeout(async () => {
      const preview = await newest.current();
      if (!over && preview) setTried({ key, preview });
    }, PAUSE_MS);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [key]);

  return tried && { preview: tried.preview, current: tried.key === key };
}
