import { Link } from 'wouter';
import { Problem } from '../ui/Problem';
import { EventContent } from './EventContent';
import { useEvent } from './useEvent';

/** An event, beside the list. */
export function EventPreview({ id, onClose }: { id: string; onClose(): void }) {
  const { event, error, missing, reload } = useEvent(id);
  return (
    <>
      <div className="preview-head">
        <h2>{event?.type ?? 'Event'}</h2>
        <Link href={`/events/${id}`} className="button">
          Open
        </Link>
        <button type="button" className="quiet" onClick={onClose} aria-label="Close the preview">
          ×
        </button>
      </div>
      <Problem error={error} what="The event could not be read" onAgain={reload} />
      {missing && <p>This event is not there. Retention may have removed it.</p>}
      {event && <EventContent event={event} />}
    </>
  );
}
