import { Dialog } from '../ui/Dialog';

interface Props {
  count: number;
  /** Whether there may be more than the given number. */
  isMore?: boolean;
  onClose(): void;
  onConfirm(): void;
}

/** Asks for confirmation before deliveries are canceled, and explains the consequences. */
export function CancelDialog({ count, isMore = false, onClose, onConfirm }: Props) {
  const many = `${isMore ? 'at least ' : ''}${count.toLocaleString()}`;
  const what = count === 1 && !isMore ? 'this delivery' : `${many} deliveries`;
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
