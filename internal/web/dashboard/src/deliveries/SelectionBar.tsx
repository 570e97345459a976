import { useQuery } from 'urql';
import { useLocation } from 'wouter';
import { type Filter, frozen, print } from '../filter/words';
import { useScope } from '../frame/viewer';
import { CountDeliveriesDocument } from '../gql/graphql';
import { newReplay } from '../replays/replays';
import { deliveryFilter } from './filter';

interface Props {
  count: number;
  filter: Filter;
  /** Whether all that are shown are selected, and more match. */
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

/** Sends all that match again, also those that are not shown: by a replay, which tells first what it would send. */
function AllThatMatch({ filter }: { filter: Filter }) {
  const [, navigate] = useLocation();
  const [{ data }] = useQuery({
    query: CountDeliveriesDocument,
    variables: { filter: deliveryFilter(filter.terms) },
    requestPolicy: 'network-only',
  });
  const counted = data?.deliveries?.count;
  if (!counted) return null;
  const many = `${counted.count.toLocaleString()}${counted.precision === 'AT_LEAST' ? '+' : ''}`;
  const isFailed = filter.terms.some(
    ({ key, value }) => key === 'status' && value.toLowerCase() === 'failed',
  );
  const others = filter.terms.some(({ key, value }) => key === 'status' && value.toLowerCase() !== 'failed');
  return (
    <button
      type="button"
      onClick={() =>
        navigate(newReplay(print(frozen(filter.terms, Date.now())), isFailed && !others ? 'failed' : 'all'))
      }
    >
      All {many} that match: send again…
    </button>
  );
}
