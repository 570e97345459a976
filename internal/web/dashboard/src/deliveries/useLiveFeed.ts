import { useState } from 'react';
import type { Term } from '../filter/words';
import { useHolding } from '../ui/useHolding';
import { useFeed } from './useFeed';

/** The list, and what holds back what comes in: the switch, being scrolled away from the top, and the pointer on the rows. */
export function useLiveFeed(terms: readonly Term[]) {
  const [live, setLive] = useState(true);
  // What waited comes in as soon as nothing holds it back.
  const { held, setAtTop, setPointed, release } = useHolding((held) => held || list.resume());
  const list = useFeed({ terms, live, paused: held });

  return {
    list,
    live,
    setLive,
    setAtTop,
    setPointed,
    /** How many wait to come in, where that must be said. */
    unseen: live && held ? list.feed.unseen : 0,
    /** Lets in what waits, and goes to the top, where that is. */
    resume() {
      release();
      list.resume();
      document.querySelector('.rows')?.scrollTo({ top: 0 });
    },
  };
}
