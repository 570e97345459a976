import { useQuery } from 'urql';
import { useLocation } from 'wouter';
import { now } from '../api/clock';
import { type Filter, frozen, print, type Term } from '../filter/words';
import { useScope } from '../frame/viewer';
import { CountDeliveriesDocument } from '../gql/graphql';
import { againOf, type KindOption, listedOf, newReplay, waitingOf } from '../replays/replays';

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
  const again = againOf(terms);
  const waiting = waitingOf(terms);
  // A list that shows other states, too, has more than can be sent or canceled.
  const isOnly = (own: readonly Term[]) =>
    own.length === terms.length && own.some(({ key }) => key === 'status');
  return (
    <>
      {again && (
        <AllOf {...again} which={isOnly(again.terms) ? 'match' : 'have ended'} action="send again…" />
      )}
      {waiting && <AllOf {...waiting} which={isOnly(waiting.terms) ? 'match' : 'wait'} action="cancel…" />}
    </>
  );
}

interface AllProps {
  kind: KindOption;
  terms: readonly Term[];
  which: string;
  action: string;
}

/** Leads to the replay; nothing if there is no delivery for it. */
function AllOf({ kind, terms, which, action }: AllProps) {
  const [, navigate] = useLocation();
  const [{ data }] = useQuery({
    query: CountDeliveriesDocument,
    variables: { filter: listedOf(kind, terms) },
    requestPolicy: 'network-only',
  });
  const counted = data?.deliveries?.count;
  if (!counted?.count) return null;
  const many = `${counted.count.toLocaleString()}${counted.precision === 'AT_LEAST' ? '+' : ''}`;
  // Relative times are fixed from here on, so that the replay affects exactly the deliveries in the preview.
  const go = () => navigate(newReplay(print(frozen(terms, now())), kind));
  return (
    <button type="button" onClick={go}>
      All {many} that {which}: {action}
    </button>
  );
}
