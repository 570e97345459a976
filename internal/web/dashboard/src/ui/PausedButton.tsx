/** Shows that a list is paused, and how many rows wait; nothing if none do. */
export function PausedButton({ unseen, onResume }: { unseen: number; onResume(): void }) {
  if (unseen === 0) return null;
  return (
    <button type="button" className="paused" onClick={onResume}>
      Paused, {unseen.toLocaleString()} new. <b>Resume</b>
    </button>
  );
}
