import { MAX_ROWS } from './list';
import { Time } from './Time';

interface Props {
  /** The plural noun for the rows. */
  noun: string;
  /** The text for an empty list. */
  empty: string;
  rows: readonly { createdAt: string }[];
  /** The cursor of the next older page; null if the list ends here. */
  next: string | null;
  /** How far back the server searched, if it stopped before the page was full. */
  searchedTo: string | null;
  loading: boolean;
  /** Whether the list could not be read. */
  failed: boolean;
  onMore(): void;
  /** Loads rows older than an instant, when the list has its maximum of rows. */
  onGoOn(until: string): void;
}

/** Shown after the last row of a list: a button for older rows, how far back was searched, or that the list ends. */
export function ListFoot({ noun, empty, rows, next, searchedTo, loading, failed, onMore, onGoOn }: Props) {
  const last = rows.at(-1);
  if (loading) return <p className="foot late soft">Loading…</p>;
  if (rows.length >= MAX_ROWS && last) {
    return (
      <p className="foot">
        The page holds {MAX_ROWS.toLocaleString()} {noun}.{' '}
        <button type="button" onClick={() => onGoOn(last.createdAt)}>
          Go on from the oldest
        </button>
      </p>
    );
  }
  if (next !== null) {
    return (
      <p className="foot">
        {searchedTo && (
          <>
            Searched back to <Time at={searchedTo} exact />.{' '}
          </>
        )}
        <button type="button" onClick={onMore}>
          {searchedTo ? 'Go on' : 'Show older ones'}
        </button>
      </p>
    );
  }
  if (failed) {
    return (
      <p className="foot soft">
        {rows.length === 0 ? 'The list is not shown.' : 'Older ones are not shown.'}
      </p>
    );
  }
  return <p className="foot soft">{rows.length === 0 ? empty : 'That is all.'}</p>;
}
