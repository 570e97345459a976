import { Link } from 'wouter';
import { Body } from '../ui/Body';
import { Chart } from '../ui/Chart';
import { Time, useZone } from '../ui/Time';
import { absolute } from '../ui/time';
import { Visible } from '../ui/Visible';
import { WebhookState } from '../webhooks/WebhookState';
import { type EventType, VALIDATIONS } from './eventTypes';

/** What there is to say about an event type. */
export function TypeContent({ type }: { type: EventType }) {
  return (
    <>
      {type.description && (
        <p className="described">
          <Visible text={type.description} />
        </p>
      )}
      {!type.declared && (
        <p className="note">
          It is not declared: events of it were published, and their data is not checked.
        </p>
      )}
      {type.deprecatedAt && (
        <p className="note">
          Deprecated since <Time at={type.deprecatedAt} exact />. Its events are published and delivered as
          before.
        </p>
      )}
      {type.lastViolationAt && (
        <div className="alert">
          <p>
            <b>An event broke the schema</b> <Time at={type.lastViolationAt} />
            {type.validation === 'REJECT' && ', and was refused'}: <Visible text={type.lastViolation ?? ''} />
            .
          </p>
        </div>
      )}
      <Facts type={type} />
      <Volume type={type} />
      <Subscribers type={type} />
      <section>
        <h2>Schema</h2>
        {type.schema === null ? (
          <p className="soft">None: data of every form is published.</p>
        ) : (
          <Body text={type.schema} label="schema" first="tree" />
        )}
      </section>
      <section>
        <h2>Example</h2>
        {type.example === null ? <p className="soft">None.</p> : <Body text={type.example} label="example" />}
      </section>
    </>
  );
}

function Facts({ type }: { type: EventType }) {
  return (
    <dl className="facts">
      <div>
        <dt>Published in 7 days</dt>
        <dd>{type.stats ? type.stats.totals.events.toLocaleString() : '–'}</dd>
      </div>
      <div>
        <dt>Last published</dt>
        <dd>{type.lastPublishedAt ? <Time at={type.lastPublishedAt} /> : type.stats ? 'never' : '–'}</dd>
      </div>
      <div>
        <dt>Webhooks</dt>
        <dd>{type.webhookCount.toLocaleString()}</dd>
      </div>
      {type.schema !== null && (
        <div>
          <dt>Events that break the schema</dt>
          <dd>{VALIDATIONS[type.validation]}</dd>
        </div>
      )}
    </dl>
  );
}

function Volume({ type }: { type: EventType }) {
  const zone = useZone();
  if (!type.stats || type.stats.totals.events === 0) return null;
  const { series } = type.stats;
  return (
    <div className="volume">
      <Chart
        title="Events in 7 days"
        form="bars"
        times={series.map(({ from }) => from)}
        time={(at) => absolute(at, zone).replace(/:\d\d\.\d+/, '')}
        format={(value) => value.toLocaleString()}
        series={[{ name: 'published', kind: 'good', values: series.map(({ values }) => values.events) }]}
      />
    </div>
  );
}

function Subscribers({ type }: { type: EventType }) {
  if (!type.webhooks) {
    return null; // the token may not see them
  }
  const { nodes, pageInfo } = type.webhooks;
  return (
    <section>
      <h2>Who receives it</h2>
      {nodes.length === 0 ? (
        <p className="soft">No webhook subscribes to it.</p>
      ) : (
        <div className="table">
          <table aria-label="Webhooks that receive it">
            <thead>
              <tr>
                <th scope="col">Webhook</th>
                <th scope="col">State</th>
                <th scope="col">Subscribes to</th>
              </tr>
            </thead>
            <tbody>
              {nodes.map((webhook) => (
                <tr key={webhook.id}>
                  <td className="url">
                    <Link href={`/webhooks/${webhook.id}`}>
                      <Visible text={webhook.url} />
                    </Link>
                    {webhook.description && (
                      <div className="soft">
                        <Visible text={webhook.description} />
                      </div>
                    )}
                  </td>
                  <td>
                    <WebhookState webhook={webhook} />
                  </td>
                  <td className="types">{webhook.events?.join(', ') ?? 'all'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {pageInfo.hasNextPage && (
        <p className="soft">These are the newest 100 of {type.webhookCount.toLocaleString()}.</p>
      )}
      {nodes.length > 0 && <p className="soft">A webhook’s filter may leave out some of the events.</p>}
    </section>
  );
}
