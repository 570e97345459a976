import { useQuery } from 'urql';
import { Link } from 'wouter';
import { useScope } from '../frame/viewer';
import { MatchesDocument, type MatchesQuery, type WebhookMatchOutcome } from '../gql/graphql';
import { newReplay } from '../replays/replays';
import { Problem } from '../ui/Problem';
import { Visible } from '../ui/Visible';
import type { Event } from './useEvent';

type Match = NonNullable<NonNullable<MatchesQuery['event']>['matches']>['nodes'][number];

const WHY: Record<WebhookMatchOutcome, string> = {
  DELIVERED: 'Still to be sent',
  HELD: 'Held',
  NOT_SUBSCRIBED: 'Does not subscribe',
  FILTERED: 'Its filter leaves it out',
  CREATED_LATER: 'Created later',
};

/** The webhooks that did not get an event, each with the reason. Those that subscribe to other types are folded away. */
export function Elsewhere({ event }: { event: Event }) {
  const mayRead = useScope('WEBHOOKS_READ');
  const count = event.deliveries?.nodes.length;
  const [{ data, error }] = useQuery({
    query: MatchesDocument,
    variables: { id: event.id },
    pause: !mayRead || event.type.startsWith('hookgraph.'),
    requestPolicy: 'cache-and-network',
  });
  const matches = data?.event?.matches;
  const had = new Set(event.deliveries?.nodes.map(({ webhookId }) => webhookId));
  const others = (matches?.nodes ?? []).filter(
    ({ webhook, reason }) => reason !== null && !had.has(webhook.id),
  );
  const near = others.filter(({ outcome }) => outcome !== 'NOT_SUBSCRIBED');
  const far = others.filter(({ outcome }) => outcome === 'NOT_SUBSCRIBED');
  return (
    <>
      <Problem error={error} what="The webhooks could not be read" />
      {near.length > 0 && (
        <>
          <h3>{count ? 'Why not elsewhere' : 'Why nowhere'}</h3>
          <Reasons event={event} matches={near} />
        </>
      )}
      {far.length > 0 && (
        <details>
          <summary>
            {far.length === 1 ? '1 webhook does not subscribe' : `${far.length} webhooks do not subscribe`} to{' '}
            <code>{event.type}</code>
          </summary>
          <Reasons event={event} matches={far} />
        </details>
      )}
      {matches?.pageInfo.hasNextPage && others.length > 0 && (
        <p className="soft">These are of the newest 100 webhooks.</p>
      )}
    </>
  );
}

function Reasons({ event, matches }: { event: Event; matches: readonly Match[] }) {
  const maySend = useScope('DELIVERIES_WRITE');
  return (
    <ul className="reasons">
      {matches.map(({ webhook, outcome, reason, settingsChangedSince }) => (
        <li key={webhook.id}>
          <Link href={`/webhooks/${webhook.id}`}>
            <Visible text={webhook.url} />
          </Link>{' '}
          <span>
            {WHY[outcome]}
            {outcome !== 'CREATED_LATER' && (
              <>
                : <Visible text={reason ?? ''} />
              </>
            )}
            .{settingsChangedSince && outcome !== 'CREATED_LATER' && ' Its settings were changed since.'}
          </span>{' '}
          {maySend && (settingsChangedSince || outcome === 'CREATED_LATER') && (
            <Link
              href={newReplay(`webhook:${webhook.id} event:${event.id}`, 'missing')}
              aria-label={`Send it… to ${webhook.url}`}
            >
              Send it…
            </Link>
          )}
        </li>
      ))}
    </ul>
  );
}
