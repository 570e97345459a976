import type { DeliveryStatus } from '../gql/graphql';

const NAMES: Record<DeliveryStatus, string> = {
  PENDING: 'Pending',
  HELD: 'Held',
  SUCCEEDED: 'Succeeded',
  FAILED: 'Failed',
  CANCELED: 'Canceled',
};

const SIGNS: Record<DeliveryStatus, string> = {
  PENDING: '●',
  HELD: '❚❚',
  SUCCEEDED: '✓',
  FAILED: '✕',
  CANCELED: '–',
};

/** The state of a delivery as a word. */
export function nameOf(status: DeliveryStatus): string {
  return NAMES[status];
}

/** The state of a delivery, as a word with a sign and a colour. */
export function Status({ status }: { status: DeliveryStatus }) {
  return (
    <span className="status" data-status={status}>
      <span aria-hidden="true">{SIGNS[status]}</span> {nameOf(status)}
    </span>
  );
}
