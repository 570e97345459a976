import { useEffect, useState } from 'react';
import type { Term } from '../filter/words';
import { useFeed } from './useFeed';

/** The list, and what holds back what comes in: the switch, being scrolled away from the top, and the pointer on the rows. */
export function useLiveFeed(terms: readonly Term[]) {
  const [live, setLive] = useState(true);
  const [atTop, setAtTop] = useState(true);
  const [pointed, setPointed] = useState(false);
  const paused = !atTop || pointed;
  const list = useFeed({ terms, live, paused });

  // What waited comes in as soon as nothing holds it back.
  const { resume } = list;
  useEffect(() => {
    if (!paused) resume();
  }, [paused]);

  return {
    list,
    live,
    setLive,
    setAtTop,
    setPointed,
    /** How many wait to come in, where that must be said. */
    unseen: live && paused ? list.feed.unseen : 0,
    /** Lets in what waits, and goes to the top, where that is. */
    resume() {
      setPointed(false);
      setAtTop(true);
      resume();
      document.querySelector('.rows')?.scrollTo({ top: 0 });
    },
  };
}
