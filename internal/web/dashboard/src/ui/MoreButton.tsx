/** The button for the next page of a list; nothing if the list ends here. */
export function MoreButton({ onMore, loading }: { onMore: (() => void) | null; loading: boolean }) {
  if (!onMore) return null;
  return (
    <p className="foot">
      <button type="button" onClick={onMore} disabled={loading}>
        Show older ones
      </button>
    </p>
  );
}
