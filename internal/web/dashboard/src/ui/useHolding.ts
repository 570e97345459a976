import { type PointerEvent, useEffect, useState } from 'react';

/** Whether the rows of a list may not move: it is scrolled away from its top, or the pointer is on its rows. changed is called when that changes. */
export function useHolding(changed: (held: boolean) => unknown) {
  const [atTop, setAtTop] = useState(true);
  const [pointed, setPointed] = useState(false);
  const held = !atTop || pointed;
  useEffect(() => {
    changed(held);
  }, [held]);
  return {
    held,
    setAtTop,
    setPointed,
    /** The props of the element with the rows. */
    pointing: {
      onPointerEnter: (event: PointerEvent) => event.pointerType === 'mouse' && setPointed(true),
      onPointerLeave: () => setPointed(false),
    },
    release() {
      setPointed(false);
      setAtTop(true);
    },
  };
}
