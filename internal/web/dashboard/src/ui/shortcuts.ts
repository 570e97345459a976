import { useLayoutEffect, useRef, useSyncExternalStore } from 'react';

// The keyboard shortcuts of the current screen. The last registered one takes precedence, so that a dialog's override the page's.

export interface Shortcut {
  keys: string;
  does: string;
  run(): void;
}

let registered: readonly Shortcut[] = [];
const listeners = new Set<() => void>();

function change(next: readonly Shortcut[]) {
  registered = next;
  for (const listener of listeners) listener();
}

/** Runs an action when keys are pressed, such as "j", "?" or "Mod+k" (Ctrl, or ⌘ on a Mac), while the component is mounted. */
export function useShortcut(keys: string, does: string, run: () => void): void {
  const current = useRef(run);
  // A layout effect, so that a key acts on a screen as soon as it is shown.
  useLayoutEffect(() => {
    current.current = run;
  });
  useLayoutEffect(() => {
    const own: Shortcut = { keys, does, run: () => current.current() };
    change([...registered, own]);
    return () => change(registered.filter((other) => other !== own));
  }, [keys, does]);
}

/** All registered shortcuts. */
export function useShortcuts(): readonly Shortcut[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => registered,
  );
}

function keysOf(event: KeyboardEvent): string {
  return (event.ctrlKey || event.metaKey ? 'Mod+' : '') + event.key;
}

const TYPING = 'input, textarea, select, [contenteditable]';

/** Starts listening; for main. */
export function startShortcuts(): void {
  addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.altKey) return;
    const keys = keysOf(event);
    const target = event.target as Element;
    if (!keys.startsWith('Mod+')) {
      if (target.matches(TYPING) && !target.matches('[type=checkbox], [type=radio]')) return;
      // While a dialog or a menu is open, only its own keys work: Escape closes it.
      if (document.querySelector('dialog[open], :popover-open')) return;
      // On buttons and links, Enter and the space bar keep their meaning, and the arrows where they choose or scroll.
      if ((keys === 'Enter' || keys === ' ') && target.matches('button, a, summary')) return;
      if (keys.startsWith('Arrow') && target.matches('[type=radio], pre')) return;
    }
    const found = registered.findLast((shortcut) => shortcut.keys === keys);
    if (!found) return;
    event.preventDefault();
    found.run();
  });
}
