import { useScope } from '../frame/viewer';

interface Props {
  count: number;
  onRetry(): void;
  onCancel(): void;
  onClear(): void;
}

/** What can be done with the deliveries that are selected. */
export function SelectionBar({ count, onRetry, onCancel, onClear }: Props) {
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
        </>
      )}
      <button type="button" className="quiet" onClick={onClear}>
        Select none
      </button>
    </div>
  );
}
