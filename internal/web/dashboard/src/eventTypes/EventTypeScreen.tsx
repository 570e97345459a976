import { useState } from 'react';
import { Link } from 'wouter';
import { EXACT } from '../api/exact';
import { useWatched } from '../api/useLive';
import { PublishDialog } from '../events/PublishDialog';
import { useScope } from '../frame/viewer';
import { EventTypeDocument } from '../gql/graphql';
import { CopyButton } from '../ui/CopyButton';
import { GraphiqlLink } from '../ui/GraphiqlLink';
import { Problem } from '../ui/Problem';
import { useTitle } from '../ui/title';
import { DeleteTypeDialog } from './DeleteTypeDialog';
import { type EventType, typeOf } from './eventTypes';
import { TypeContent } from './TypeContent';
import { TypeDialog } from './TypeDialog';
import { TypeMarks } from './TypeMarks';
import { useChanges } from './useChanges';

const OPTIONS = { context: EXACT };

/** An event type: its schema, its example, how much is published, and who receives it. */
export function EventTypeScreen({ name }: { name: string }) {
  useTitle(`Event type ${name}`);
  const { watch, isWhole } = useChanges(name);
  const { data, error, fetching, reload } = useWatched(EventTypeDocument, { name }, watch, OPTIONS);
  const type = data?.eventType?.name === name ? typeOf(data.eventType) : null;
  return (
    <div className="screen">
      <Problem error={error} what="The event type could not be read" onAgain={reload} />
      {!fetching && !error && data?.eventType === null && <Unknown name={name} onDeclared={reload} />}
      {type && (
        <>
          <div className="head">
            <h1>{type.name}</h1>
            <TypeMarks type={type} />
            <div className="head-end">
              {!isWhole && (
                <button type="button" className="quiet" onClick={reload}>
                  Reload
                </button>
              )}
              <CopyButton text={() => location.href}>Copy link</CopyButton>
              <GraphiqlLink document={EventTypeDocument} variables={{ name }} />
            </div>
          </div>
          <Actions type={type} onChanged={reload} />
          <TypeContent type={type} />
        </>
      )}
    </div>
  );
}

function Actions({ type, onChanged }: { type: EventType; onChanged(): void }) {
  const mayWrite = useScope('ADMIN');
  const mayPublish = useScope('EVENTS_PUBLISH');
  const mayRead = useScope('DELIVERIES_READ');
  const [open, setOpen] = useState<'' | 'edit' | 'delete' | 'publish'>('');

  function close(isChanged: boolean) {
    setOpen('');
    if (isChanged) onChanged();
  }

  return (
    <div className="buttons">
      {mayWrite && (
        <button type="button" className={type.declared ? '' : 'primary'} onClick={() => setOpen('edit')}>
          {type.declared ? 'Edit…' : 'Declare it…'}
        </button>
      )}
      {mayPublish && (
        <button type="button" onClick={() => setOpen('publish')}>
          Publish an event…
        </button>
      )}
      {mayWrite && type.declared && (
        <button type="button" className="danger" onClick={() => setOpen('delete')}>
          Delete the declaration…
        </button>
      )}
      {mayRead && <Link href={`/events?q=${encodeURIComponent(`type:${type.name}`)}`}>Its events</Link>}
      {open === 'edit' && <TypeDialog type={type} onClose={(name) => close(name !== null)} />}
      {open === 'delete' && <DeleteTypeDialog name={type.name} onClose={close} />}
      {open === 'publish' && (
        <PublishDialog
          like={{ type: type.name, exactData: type.example ?? '', tags: [] }}
          title="Publish an event"
          onClose={() => setOpen('')}
        />
      )}
    </div>
  );
}

/** Shown for a name that is neither declared nor seen. */
function Unknown({ name, onDeclared }: { name: string; onDeclared(): void }) {
  const mayWrite = useScope('ADMIN');
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <h1>Not there</h1>
      <p>
        The event type <code>{name}</code> is not declared for this token and tenant, and no event of it was
        published in the last 400 days.
      </p>
      {mayWrite && (
        <button type="button" onClick={() => setOpen(true)}>
          Declare it…
        </button>
      )}
      {isOpen && (
        <TypeDialog
          named={name}
          onClose={(declared) => {
            setOpen(false);
            if (declared) onDeclared();
          }}
        />
      )}
    </>
  );
}
