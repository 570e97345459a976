import { useState } from 'react';

/** The deliveries that are selected. */
export function useSelection() {
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  return {
    selected,
    clear: () => setSelected(new Set()),
    toggle(id: string) {
      setSelected((selected) => {
        const next = new Set(selected);
        if (!next.delete(id)) next.add(id);
        return next;
      });
    },
    /** Selects all of the given IDs, or none if some are selected. */
    all(ids: readonly string[]) {
      setSelected((selected) => new Set(selected.size > 0 ? [] : ids));
    },
  };
}
