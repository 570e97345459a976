import { useLocation } from 'wouter';
import { useShortcuts } from '../ui/shortcuts';
import { screensOf } from './navigation';
import { useViewer } from './viewer';

export interface Action {
  name: string;
  run(): void;
}

/** Keys that move a selection are of little use without a keyboard. */
const MOVES = /^(j|k|Arrow.*|Enter|Escape|Mod\+k)$/;

/** The actions of the screen and the screens to go to: those whose names contain the text; all for "". */
export function useActions(text: string): readonly Action[] {
  const [, navigate] = useLocation();
  const viewer = useViewer();
  const shortcuts = useShortcuts();
  const screens = viewer ? screensOf(viewer) : [];
  const all: Action[] = [
    ...screens.map(({ name, path }) => ({ name, run: () => navigate(path) })),
    ...shortcuts.filter(({ keys }) => !MOVES.test(keys)).map(({ does, run }) => ({ name: does, run })),
  ];
  const wanted = text.trim().toLowerCase();
  return all.filter(({ name }) => name.toLowerCase().includes(wanted));
}
