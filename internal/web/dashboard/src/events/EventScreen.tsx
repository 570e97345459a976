import { useState } from 'react';
import { useScope } from '../frame/viewer';
import { EventDocument } from '../gql/graphql';
import { OpenIssues } from '../issues/OpenIssues';
import { CopyButton } from '../ui/CopyButton';
import { GraphiqlLink } from '../ui/GraphiqlLink';
import { Missing } from '../ui/Missing';
import { Problem } from '../ui/Problem';
import { Time } from '../ui/Time';
import { useTitle } from '../ui/title';
import { EventContent } from './EventContent';
import { PublishDialog } from './PublishDialog';
import { type Event, useEvent } from './useEvent';

/** An event: its data, its deliveries, and a button to publish it again. */
export function EventScreen({ id }: { id: string }) {
  const { event, error, missing, reload } = useEvent(id);
  const mayPublish = useScope('EVENTS_PUBLISH');
  const [publishing, setPublishing] = useState(false);
  useTitle(`Event ${event?.type ?? id}`);
  return (
    <div className="screen">
      <Problem error={error} what="The event could not be read" onAgain={reload} />
      {missing && <Missing noun="event" id={id} why="Retention may have removed it." />}
      {event && (
        <>
          <div className="head">
            <h1>{event.type}</h1>
            <span className="soft">
              published <Time at={event.createdAt} />
            </span>
            <div className="head-end">
              <CopyButton text={event.id}>Copy ID</CopyButton>
              <CopyButton text={() => location.href}>Copy link</CopyButton>
              <GraphiqlLink document={EventDocument} variables={{ id: event.id }} />
            </div>
          </div>
          {mayPublish && !event.type.startsWith('hookgraph.') && (
            <div className="buttons">
              <button type="button" onClick={() => setPublishing(true)}>
                Publish again…
              </button>
            </div>
          )}
          <OpenIssues webhookIds={webhooksOf(event)} />
          <EventContent event={event} />
          {publishing && <PublishDialog like={event} onClose={() => setPublishing(false)} />}
        </>
      )}
    </div>
  );
}

/** The webhooks that the event goes to, each once. */
function webhooksOf(event: Event): string[] {
  return [...new Set(event.deliveries?.nodes.map(({ webhookId }) => webhookId))];
}
