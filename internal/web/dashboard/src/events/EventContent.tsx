import { useQuery } from 'urql';
import { Link } from 'wouter';
import { Result } from '../deliveries/DeliveryListRow';
import { useScope } from '../frame/viewer';
import { ReceiversDocument } from '../gql/graphql';
import { newReplay } from '../replays/replays';
import { Body } from '../ui/Body';
import { Problem } from '../ui/Problem';
import { Status } from '../ui/Status';
import { Time } from '../ui/Time';
import { Visible } from '../ui/Visible';
import { FanOutText } from './FanOutText';
import type { Event } from './useEvent';

/** The published event and its deliveries. */
export function EventContent({ event }: { event: Event }) {
  return (
    <>
      <dl className="facts">
        <div>
          <dt>Published</dt>
          <dd>
            <Time at={event.createdAt} exact />
          </dd>
        </div>
        <div>
          <dt>Happened</dt>
          <dd>
            <Time at={event.timestamp} exact />
          </dd>
        </div>
        {event.deliverAt != null && (
          <div>
            <dt>Deliver at</dt>
            <dd>
              <Time at={event.deliverAt} exact />
            </dd>
          </div>
        )}
        {event.expiresAt != null && (
          <div>
            <dt>Expires</dt>
            <dd>
              <Time at={event.expiresAt} exact />
            </dd>
          </div>
        )}
        {event.tags.length > 0 && (
          <div>
            <dt>Tags</dt>
            <dd className="chips">
              {event.tags.map((tag) => (
                <Tag key={tag} tag={tag} />
              ))}
            </dd>
          </div>
        )}
        {event.idempotencyKey !== null && (
          <div>
            <dt>Idempotency key</dt>
            <dd>
              <code>
                <Visible text={event.idempotencyKey ?? ''} />
              </code>
            </dd>
          </div>
        )}
      </dl>
      <section className="went">
        <h2>Where it went</h2>
        {event.deliveries && event.deliveries.nodes.length > 0 && (
          <>
            <p>
              <FanOutText deliveries={event.deliveries} />
            </p>
            <Deliveries event={event} />
            <Elsewhere event={event} />
          </>
        )}
        {event.deliveries?.nodes.length === 0 && <Nowhere event={event} />}
      </section>
      <section>
        <h2>Data</h2>
        <Body text={event.exactData} label="data" />
      </section>
    </>
  );
}

/** A tag, as a link to the other events with it if a filter can express it: words have no spaces and no commas. */
function Tag({ tag }: { tag: string }) {
  const text = <Visible text={tag} />;
  if (/[\s,]/.test(tag)) return <span className="chip">{text}</span>;
  return (
    <Link className="chip" href={`/events?q=${encodeURIComponent(`tag:${tag}`)}`}>
      {text}
    </Link>
  );
}

function Deliveries({ event }: { event: Event }) {
  const { nodes = [], pageInfo } = event.deliveries ?? {};
  const mayWrite = useScope('DELIVERIES_WRITE');
  return (
    <>
      <div className="table">
        <table aria-label="Deliveries">
          <thead>
            <tr>
              <th scope="col">Delivery to</th>
              <th scope="col">Status</th>
              <th scope="col">Attempts</th>
              <th scope="col">Last result</th>
              {mayWrite && <th scope="col">Send again</th>}
            </tr>
          </thead>
          <tbody>
            {nodes.map((delivery) => (
              <tr key={delivery.id}>
                <td className="url">
                  <Link href={`/deliveries/${delivery.id}`}>
                    <Visible text={delivery.webhookUrl} />
                  </Link>
                </td>
                <td>
                  <Status status={delivery.status} />
                </td>
                <td>{delivery.attemptCount}</td>
                <td>
                  <Result row={delivery} />
                </td>
                {mayWrite && (
                  <td>
                    {delivery.completedAt && (
                      <Link
                        href={newReplay(`event:${event.id} webhook:${delivery.webhookId}`, 'all')}
                        aria-label={`Send again… to ${delivery.webhookUrl}`}
                      >
                        Send again…
                      </Link>
                    )}
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p>
        <Link href={`/deliveries?q=${encodeURIComponent(`event:${event.id}`)}`}>
          {pageInfo?.hasNextPage ? 'These are the latest 100. See all in the list' : 'See them in the list'}
        </Link>
      </p>
    </>
  );
}

/** Why an event has no deliveries, and which webhooks would get it now. */
function Nowhere({ event }: { event: Event }) {
  const mayRead = useScope('WEBHOOKS_READ');
  return (
    <>
      <p>
        No webhook wanted it when it was published: none subscribed to <code>{event.type}</code> with settings
        that let it through.
      </p>
      {mayRead && (
        <Receivers
          event={event}
          none="No webhook that subscribes to it was changed since."
          some="These webhooks subscribe to it, and were created or changed since:"
        />
      )}
    </>
  );
}

/** The webhooks that would get an event now and did not, if all that did are known. The server's own events, such as tests, have one receiver. */
function Elsewhere({ event }: { event: Event }) {
  const mayRead = useScope('WEBHOOKS_READ');
  const isKnown = !event.deliveries?.pageInfo.hasNextPage && !event.type.startsWith('hookgraph.');
  if (!mayRead || !isKnown) return null;
  return (
    <Receivers
      event={event}
      none=""
      some="These webhooks subscribe to it, did not get it, and were created or changed since:"
    />
  );
}

interface ReceiversProps {
  event: Event;
  /** The text for an empty list; "" for none. */
  none: string;
  /** The text before the list. */
  some: string;
}

function Receivers({ event, none, some }: ReceiversProps) {
  const [{ data, error }] = useQuery({ query: ReceiversDocument, variables: { type: event.type } });
  const maySend = useScope('DELIVERIES_WRITE');
  const had = new Set(event.deliveries?.nodes.map(({ webhookId }) => webhookId));
  // A webhook that has not changed since gets the event soon: fan-out to thousands of webhooks is done in batches.
  const webhooks = data?.webhooks?.nodes.filter(
    ({ id, updatedAt }) => !had.has(id) && Date.parse(updatedAt) > Date.parse(event.createdAt),
  );
  return (
    <>
      <Problem error={error} what="The webhooks could not be read" />
      {webhooks?.length === 0 && none && <p>{none}</p>}
      {webhooks && webhooks.length > 0 && (
        <>
          <p>{some}</p>
          <ul>
            {webhooks.map(({ id, url }) => (
              <li key={id}>
                <Link href={`/webhooks/${id}`}>
                  <Visible text={url} />
                </Link>{' '}
                {maySend && (
                  <Link
                    href={newReplay(`webhook:${id} event:${event.id}`, 'missing')}
                    aria-label={`Send it… to ${url}`}
                  >
                    Send it…
                  </Link>
                )}
              </li>
            ))}
          </ul>
          {data?.webhooks?.pageInfo.hasNextPage && <p className="soft">There may be more.</p>}
        </>
      )}
    </>
  );
}
