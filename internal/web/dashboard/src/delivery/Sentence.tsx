import { Link } from 'wouter';
import { Time } from '../ui/Time';
import { Visible } from '../ui/Visible';
import { type AttemptInfo, type Delivery, sentence } from './sentence';

/** The state of a delivery in words, and the time of its next attempt or the delivery that it waits for. */
export function Sentence({ delivery, last }: { delivery: Delivery; last: AttemptInfo | undefined }) {
  return (
    <p className="sentence" data-status={delivery.status}>
      <span role="status">{sentence(delivery, last)}</span>
      {delivery.status === 'PENDING' && <Next delivery={delivery} />}
    </p>
  );
}

function Next({ delivery }: { delivery: Delivery }) {
  if (delivery.blockedBy) {
    return (
      <>
        {' It waits for '}
        <Link href={`/deliveries/${delivery.blockedBy.id}`}>the delivery before it</Link>
        {delivery.event?.orderingKey && (
          <>
            {' with the ordering key '}
            <Visible text={delivery.event.orderingKey} />
          </>
        )}
        {delivery.blockedBy.status === 'FAILED'
          ? ', which failed: retry or cancel that one, and this one goes on.'
          : ', which is not completed yet.'}
      </>
    );
  }
  if (!delivery.nextAttemptAt) return ' An attempt is running.';
  return (
    <>
      {' The next attempt is due '}
      <Time at={delivery.nextAttemptAt} future />.
    </>
  );
}
