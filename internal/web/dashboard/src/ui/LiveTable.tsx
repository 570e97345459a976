import { type ReactNode, useEffect } from 'react';
import { PausedButton } from './PausedButton';
import { useHolding } from './useHolding';

interface Props {
  list: { unseen: number; hold(held: boolean): void };
  /** The table. */
  children: ReactNode;
}

/** A table of a list that is kept current. Its rows stay where they are while the pointer is on it, or the page is scrolled. */
export function LiveTable({ list, children }: Props) {
  const { held, setAtTop, pointing, release } = useHolding(list.hold);
  useEffect(() => {
    const main = document.getElementById('main');
    if (!main) return;
    const look = () => setAtTop(main.scrollTop < 4);
    main.addEventListener('scroll', look, { passive: true });
    return () => main.removeEventListener('scroll', look);
  }, []);

  function resume() {
    release();
    document.getElementById('main')?.scrollTo({ top: 0 });
  }

  return (
    <div {...pointing}>
      <div className="paused-bar">
        <PausedButton unseen={held ? list.unseen : 0} onResume={resume} />
      </div>
      {children}
    </div>
  );
}
