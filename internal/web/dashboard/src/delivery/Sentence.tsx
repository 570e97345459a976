import { Time } from '../ui/Time';
import { type AttemptInfo, type Delivery, sentence } from './sentence';

/** The state of a delivery in words, and the time of its next attempt. */
export function Sentence({ delivery, last }: { delivery: Delivery; last: AttemptInfo | undefined }) {
  return (
    <p className="sentence" data-status={delivery.status}>
      <span role="status">{sentence(delivery, last)}</span>
      {delivery.status === 'PENDING' &&
        (delivery.nextAttemptAt ? (
          <>
            {' The next attempt is due '}
            <Time at={delivery.nextAttemptAt} />.
          </>
        ) : (
          ' An attempt is running.'
        ))}
    </p>
  );
}
