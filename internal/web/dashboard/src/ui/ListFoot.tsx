import { MAX_ROWS } from './list';
import { Time } from './Time';

interface Props {
  /** What the rows are, several of them. */
  noun: string;
  /** What is said when there is none. */
  empty: string;
  rows: readonly { createdAt: string }[];
  /** Where the next older page begins; null: the list ends here. */
  next: string | null;
  /** How far back the server searched, when it gave up before the page was full. */
  searchedTo: string | null;
  loading: boolean;
  /** Whether the list could not be read. */
  failed: boolean;
  onMore(): void;
  /** Asks for what is older than an instant, when no more rows are held. */
  onGoOn(until: string): void;
}

/** What comes after the last row of a list: the way to older ones, how far back was searched, or that this is all. */
export function ListFoot({ noun, empty, rows, next, searchedTo, loading, failed, onMore, onGoOn }: Props) {
  const last = rows.at(-1);
  if (loading) return <p className="foot soft">Loading…</p>;
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
