import { useQuery } from 'urql';
import { useLocation } from 'wouter';
import { type Filter, frozen, print, type Term } from '../filter/words';
import { useScope } from '../frame/viewer';
import { CountDeliveriesDocument } from '../gql/graphql';
import { againOf, type KindOption, newReplay, termsOf } from '../replays/replays';
import { deliveryFilter } from './filter';

interface Props {
  count: number;
  filter: Filter;
  /** Whether all visible rows are selected, and more match. */
  isMore: boolean;
  onRetry(): void;
  onCancel(): void;
  onClear(): void;
}

/** What can be done with the deliveries that are selected. */
export function SelectionBar({ count, filter, isMore, onRetry, onCancel, onClear }: Props) {
  const mayWrite = useScope('DELIVERIES_WRITE');
  return (
    <div className="bulk" role="toolbar" aria-label="Selected deliveries">
      <b>{count} selected</b>
      {mayWrite && (
        <>
          <button type="button" onClick={onRetry}>
            Retry
          </button>
          <button type="button" onClick={onCancel}>
            Cancel…
          </button>
          {isMore && <AllThatMatch filter={filter} />}
        </>
      )}
      <button type="button" className="quiet" onClick={onClear}>
        Select none
      </button>
    </div>
  );
}

/** Sends all matching deliveries again, or cancels them, including those not shown: by a replay, after a preview of its deliveries. */
function AllThatMatch({ filter: { terms } }: { filter: Filter }) {
  const [, navigate] = useLocation();
  const [{ data }] = useQuery({
    query: CountDeliveriesDocument,
    variables: { filter: deliveryFilter(terms) },
    requestPolicy: 'network-only',
  });
  const counted = data?.deliveries?.count;
  if (!counted) return null;
  const many = `${counted.count.toLocaleString()}${counted.precision === 'AT_LEAST' ? '+' : ''}`;
  const again = againOf(terms);
  const waiting = termsOf('cancel', terms);
  // Relative times are fixed from here on, so that the replay affects exactly the deliveries in the preview.
  const go = (kind: KindOption, words: readonly Term[]) =>
    navigate(newReplay(print(frozen(words, Date.now())), kind));
  return (
    <>
      {again && (
        <button type="button" onClick={() => go(again.kind, again.terms)}>
          All {many} that match: send again…
        </button>
      )}
      {waiting && (
        <button type="button" onClick={() => go('cancel', waiting)}>
          All {many} that match: cancel…
        </button>
      )}
    </>
  );
}
