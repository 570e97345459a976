import { MAX_ROWS } from './list';
import { Time } from './Time';

/** A list as far as it is loaded, as usePages returns it. */
interface Listed {
  /** null until the first page has arrived. */
  rows: readonly unknown[] | null;
  /** The cursor of the next older page; null if the list ends here. */
  next: string | null;
  /** How far back the server searched, if it stopped before the page was full. */
  searchedTo: string | null;
  loading: boolean;
  /** Why the list could not be read. */
  error?: unknown;
  /** Loads the next older page; null if the list ends here. */
  more: (() => void) | null;
}

interface Props {
  /** The plural noun for the rows. */
  noun: string;
  /** The text for an empty list. */
  empty: string;
  list: Listed;
  /** Whether the list is in the order of names, not of time. */
  isNamed?: boolean;
  /** Loads rows older than the last one, when the list has its maximum of rows; absent if its filter has no times. */
  onGoOn?: (() => void) | undefined;
}

/** Shown after the last row of a list: a button for older rows, how far back was searched, or that the list ends. */
export function ListFoot({ noun, empty, list, isNamed, onGoOn }: Props) {
  const { next, searchedTo, loading, error, more } = list;
  const count = list.rows?.length ?? 0;
  if (loading) return <p className="foot late soft">Loading…</p>;
  if (count >= MAX_ROWS) {
    return (
      <p className="foot">
        The page holds {MAX_ROWS.toLocaleString()} {noun}.{' '}
        {onGoOn ? (
          <button type="button" onClick={onGoOn}>
            Go on from the oldest
          </button>
        ) : (
          `Narrow the filter to see ${isNamed ? 'the others' : 'older ones'}.`
        )}
      </p>
    );
  }
  if (next !== null) {
    return (
      <p className="foot">
        {searchedTo && <Searched noun={noun} none={count === 0} to={searchedTo} />}
        <button type="button" onClick={() => more?.()}>
          {searchedTo ? 'Go on' : isNamed ? 'Show more' : 'Show older ones'}
        </button>
      </p>
    );
  }
  if (error !== undefined) {
    return (
      <p className="foot soft">
        {count === 0
          ? 'The list is not shown.'
          : isNamed
            ? 'The rest is not shown.'
            : 'Older ones are not shown.'}
      </p>
    );
  }
  return count === 0 ? <p className="empty">{empty}</p> : <p className="foot soft">That is all.</p>;
}

/** How far a search came that stopped before it found a page of rows. That nothing matches cannot be said yet. */
function Searched({ noun, none, to }: { noun: string; none: boolean; to: string }) {
  return none ? (
    <>
      None of the {noun} since <Time at={to} exact /> matches; older ones were not searched yet.{' '}
    </>
  ) : (
    <>
      Searched back to <Time at={to} exact />.{' '}
    </>
  );
}
