import { useState } from 'react';
import { CancelDialog } from '../deliveries/CancelDialog';
import type { Row } from '../deliveries/feed';
import { useActions } from '../deliveries/useActions';
import { useScope } from '../frame/viewer';
import type { Delivery } from './sentence';

/** The actions for a delivery. Canceling asks for confirmation; retrying does not. */
export function Actions({ delivery, onChanged }: { delivery: Delivery; onChanged(row: Row): void }) {
  const mayWrite = useScope('DELIVERIES_WRITE');
  const { retry, cancel, report } = useActions(onChanged);
  const [asking, setAsking] = useState(false);
  const open = delivery.status === 'PENDING' || delivery.status === 'HELD';
  if (!mayWrite) return null;
  return (
    <div className="buttons">
      <button
        type="button"
        className="primary"
        disabled={delivery.status === 'HELD' || delivery.blockedBy !== null || !delivery.webhook}
        title={retryTitle(delivery)}
        onClick={() => void retry([delivery.id])}
      >
        {delivery.status === 'SUCCEEDED' ? 'Send again' : 'Retry now'}
      </button>
      {open && (
        <button type="button" onClick={() => setAsking(true)}>
          Cancel…
        </button>
      )}
      <span role="status" className="soft">
        {report}
      </span>
      {asking && (
        <CancelDialog
          count={1}
          onClose={() => setAsking(false)}
          onConfirm={() => void cancel([delivery.id])}
        />
      )}
    </div>
  );
}

function retryTitle(delivery: Delivery): string {
  if (!delivery.webhook) return 'The webhook was deleted';
  if (delivery.blockedBy) return 'It waits for another delivery: retry or cancel that one';
  return 'Makes an attempt now and restarts the schedule (r)';
}
