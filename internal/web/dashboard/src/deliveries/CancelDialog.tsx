import { Dialog } from '../ui/Dialog';

interface Props {
  count: number;
  onClose(): void;
  onConfirm(): void;
}

/** Asks before deliveries are canceled, and says what that means. */
export function CancelDialog({ count, onClose, onConfirm }: Props) {
  const what = count === 1 ? 'this delivery' : `${count} deliveries`;
  return (
    <Dialog title={`Cancel ${what}?`} onClose={onClose}>
      <p>
        No further attempt starts. An attempt that is running is completed and recorded. Deliveries that have
        succeeded stay as they are. A canceled delivery can be retried later.
      </p>
      <div className="actions">
        <button type="button" onClick={onClose}>
          Keep
        </button>
        <button
          type="button"
          className="danger"
          onClick={() => {
            onConfirm();
            onClose();
          }}
        >
          Cancel {what}
        </button>
      </div>
    </Dialog>
  );
}
