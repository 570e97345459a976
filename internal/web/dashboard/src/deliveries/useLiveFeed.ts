import { useState } from 'react';
import type { Term } from '../filter/words';
import { useHolding } from '../ui/useHolding';
import { useFeed } from './useFeed';

/** The list, and what holds back new rows: the switch, scrolling away from the top, and the pointer on the rows. */
export function useLiveFeed(terms: readonly Term[]) {
  const [live, setLive] = useState(true);
  // Waiting rows are added as soon as nothing holds them back.
  const { held, setAtTop, setPointed, release } = useHolding((held) => held || list.resume());
  const list = useFeed({ terms, live, paused: held });

  return {
    list,
    live,
    setLive,
    setAtTop,
    setPointed,
    /** The number of waiting rows, if it must be shown. */
    unseen: live && held ? list.feed.unseen : 0,
    /** Adds the waiting rows, and scrolls to the top, where they are. */
    resume() {
      release();
      list.resume();
      document.querySelector('.rows')?.scrollTo({ top: 0 });
    },
  };
}
