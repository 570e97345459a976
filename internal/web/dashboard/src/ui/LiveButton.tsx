import { useShortcut } from './shortcuts';

/** Whether a list is kept current, and the switch for that. */
export function LiveButton({ live, onChange }: { live: boolean; onChange(live: boolean): void }) {
  useShortcut('l', 'Live updates on or off', () => onChange(!live));
  return (
    <button
      type="button"
      className="live"
      aria-pressed={live}
      onClick={() => onChange(!live)}
      title="Live updates (l)"
    >
      <span aria-hidden="true" className="dot" /> {live ? 'Live' : 'Not live'}
    </button>
  );
}
