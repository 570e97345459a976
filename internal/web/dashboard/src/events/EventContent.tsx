import { Link } from 'wouter';
import { Result } from '../deliveries/DeliveryListRow';
import { useScope } from '../frame/viewer';
import { newReplay } from '../replays/replays';
import { Body } from '../ui/Body';
import { Status } from '../ui/Status';
import { Time } from '../ui/Time';
import { Visible } from '../ui/Visible';
import { Elsewhere } from './Elsewhere';
import { FanOutText } from './FanOutText';
import { SchemaVerdict } from './SchemaVerdict';
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
        {event.test && (
          <div>
            <dt>A test</dt>
            <dd>for one webhook, not counted as published</dd>
          </div>
        )}
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
        {event.traceparent != null && (
          <div>
            <dt>Trace</dt>
            <dd>
              <code>{event.traceparent.split('-')[1]}</code>
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
          </>
        )}
        {event.deliveries?.nodes.length === 0 && (
          <p>
            No webhook wanted it when it was published: none subscribed to <code>{event.type}</code> with
            settings that let it through.
          </p>
        )}
        <Elsewhere event={event} />
      </section>
      <section>
        <h2>Data</h2>
        {!event.type.startsWith('hookgraph.') && <SchemaVerdict id={event.id} type={event.type} />}
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
