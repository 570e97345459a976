import type { DeliveryQuery, WebhookDisabledReason } from '../gql/graphql';
import { duration } from '../ui/time';

export type Delivery = NonNullable<DeliveryQuery['delivery']>;
export type AttemptInfo = NonNullable<Delivery['attempts']>['nodes'][number];

const HELD: Record<WebhookDisabledReason, string> = {
  MANUAL: 'someone disabled the webhook',
  GONE: 'the receiver answered 410 Gone, which disabled the webhook',
  FAILING: 'the webhook was disabled after five days without a success',
};

function times(count: number): string {
  return count === 1 ? 'once' : count === 2 ? 'twice' : `${count} times`;
}

/** The state of a delivery in a sentence or two, without the time of the next attempt. */
export function sentence(delivery: Delivery, last: AttemptInfo | undefined): string {
  const why = last?.explanation ? ` ${last.explanation.summary}` : '';
  const count = delivery.attemptCount;
  switch (delivery.status) {
    case 'SUCCEEDED': {
      const took = delivery.completedAt
        ? Date.parse(delivery.completedAt) - Date.parse(delivery.createdAt)
        : 0;
      const attempt = count === 1 ? 'the first attempt' : `attempt ${count}`;
      return `Delivered at ${attempt}, ${duration(Math.max(1, took))} after it was published.`;
    }
    case 'FAILED':
      if (delivery.failureReason === 'EXPIRED') {
        const failed = count > 0 ? ` It failed ${times(count)}.${why}` : '';
        return `Given up: it was due for longer than the server allows.${failed}`;
      }
      if (delivery.failureReason === 'NO_RETRY_STATUS') {
        return `Given up after attempt ${count}: the webhook wants no retries after this status.${why}`;
      }
      return `Given up after ${count === 1 ? 'one attempt' : `${count} attempts`}.${why}`;
    case 'CANCELED':
      return count > 0
        ? `Canceled after it failed ${times(count)}.${why}`
        : 'Canceled before the first attempt.';
    case 'HELD':
      return `Held: ${HELD[delivery.webhook?.disabledReason ?? 'MANUAL']}. Enabling it releases the delivery; nothing is lost.`;
    case 'PENDING':
      return count === 0 ? 'Not attempted yet.' : `Failed ${times(count)}.${why}`;
  }
}
