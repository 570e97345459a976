import { useState } from 'react';
import { useLocation } from 'wouter';
import { useShortcut } from './shortcuts';

/** The row selected by the keyboard; moved is called after it changed. noun names a row for people. */
export function useCursor(rows: readonly { id: string }[], noun: string, moved: (id: string) => void) {
  const [cursor, setCursor] = useState<string | null>(null);
  function move(by: number) {
    const at = rows.findIndex(({ id }) => id === cursor);
    const row = rows[Math.max(0, Math.min(rows.length - 1, at + by))];
    if (!row) return;
    setCursor(row.id);
    moved(row.id);
  }
  const capital = noun.charAt(0).toUpperCase() + noun.slice(1);
  useShortcut('j', `Next ${noun}`, () => move(1));
  useShortcut('k', `${capital} before`, () => move(-1));
  useShortcut('ArrowDown', `Next ${noun}`, () => move(1));
  useShortcut('ArrowUp', `${capital} before`, () => move(-1));
  return [cursor, setCursor] as const;
}

/** The row of a table that is selected by the keyboard: its link is focused. path is where the row with an ID leads. */
export function useRowKeys(
  rows: readonly { id: string }[],
  noun: string,
  path: (id: string) => string,
): string | null {
  const [, navigate] = useLocation();
  const [cursor] = useCursor(rows, noun, (id) =>
    document.querySelector<HTMLElement>(`#row-${id} a`)?.focus(),
  );
  useShortcut('Enter', `Open the ${noun}`, () => cursor && navigate(path(cursor)));
  return cursor;
}
