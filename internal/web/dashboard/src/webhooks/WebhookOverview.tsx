import { useMutation } from 'urql';
import { Link } from 'wouter';
import { useLive } from '../api/useLive';
import { useScope } from '../frame/viewer';
import {
  UpdateWebhookDocument,
  type WebhookDisabledReason,
  WebhookFailuresDocument,
  type WebhookFailuresQuery,
} from '../gql/graphql';
import { Charts } from '../ui/Charts';
import { Problem } from '../ui/Problem';
import { Time } from '../ui/Time';
import { duration, percent } from '../ui/time';
import { Visible } from '../ui/Visible';
import type { Webhook } from './WebhookScreen';

const WHY: Record<WebhookDisabledReason, { what: string; advice: string }> = {
  MANUAL: { what: 'Someone disabled it.', advice: 'Enable it when the receiver is ready.' },
  GONE: {
    what: 'The receiver answered 410 Gone, which says that nobody is there any longer.',
    advice: 'Make sure that the URL is right and that it answers 2xx. Then enable it.',
  },
  FAILING: {
    what: 'No attempt succeeded for five days.',
    advice: 'Look at the last failure below, mend the receiver, send a test, and enable it.',
  },
};

interface Props {
  webhook: Webhook;
  onChanged(): void;
}

/** The health of a webhook: its rates, its last failure, and its waiting deliveries. */
export function WebhookOverview({ webhook, onChanged }: Props) {
  const { data, error, reload } = useLive(
    WebhookFailuresDocument,
    { id: webhook.id },
    { deliveries: { webhookIds: [webhook.id] } },
  );
  const found = data?.webhook;
  const health = webhook.health;

  return (
    <>
      {!webhook.enabled && <Disabled webhook={webhook} onChanged={onChanged} />}
      {webhook.enabled && webhook.failingSince && (
        <p className="alert">
          {health && health.failuresInARow > 1
            ? `All of the last ${health.failuresInARow.toLocaleString()} attempts`
            : 'The last attempt'}{' '}
          failed, since <Time at={webhook.failingSince} exact />.{' '}
          {health?.disablesAt && (
            <>
              {' '}
              The webhook is disabled <Time at={health.disablesAt} future /> unless an attempt succeeds
              before; deliveries are then held, and nothing is lost.
            </>
          )}
        </p>
      )}
      <Problem error={error} what="The deliveries could not be read" onAgain={reload} />
      <Facts webhook={webhook} />
      {found?.stats && <Charts buckets={found.stats.series} backlog={found.stats.backlog} />}

      <LastAttempts attempts={found?.attempts?.nodes} />
      <LastFailures failed={found?.failed?.nodes} />
    </>
  );
}

function Facts({ webhook }: { webhook: Webhook }) {
  const { health } = webhook;
  return (
    <dl className="facts">
      <div>
        <dt>Event types</dt>
        <dd>{webhook.events?.join(', ') ?? 'all'}</dd>
      </div>
      {health && (
        <>
          <div>
            <dt>Attempts that succeeded, 24 hours</dt>
            <dd>{health.successRate == null ? '–' : percent(health.successRate)}</dd>
          </div>
          <div>
            <dt>95 % answer within</dt>
            <dd>{health.p95Ms == null ? '–' : duration(health.p95Ms)}</dd>
          </div>
          <div>
            <dt>Waiting</dt>
            <dd>
              <Link
                href={`/deliveries?q=${encodeURIComponent(`webhook:${webhook.id} status:pending status:held`)}`}
              >
                {(health.backlog.due + health.backlog.held).toLocaleString()}
              </Link>
            </dd>
          </div>
          {health.lastSuccessAt && (
            <div>
              <dt>Last success</dt>
              <dd>
                <Time at={health.lastSuccessAt} />
              </dd>
            </div>
          )}
        </>
      )}
      <div>
        <dt>Created</dt>
        <dd>
          <Time at={webhook.createdAt} />
        </dd>
      </div>
      {webhook.description && (
        <div>
          <dt>Description</dt>
          <dd>
            <Visible text={webhook.description} />
          </dd>
        </div>
      )}
    </dl>
  );
}

type Found = NonNullable<WebhookFailuresQuery['webhook']>;

function LastAttempts({ attempts }: { attempts: NonNullable<Found['attempts']>['nodes'] | undefined }) {
  return (
    <>
      <h2>Last attempts</h2>
      {!attempts || attempts.length === 0 ? (
        <p className="soft">{attempts ? 'None yet.' : '–'}</p>
      ) : (
        <ol className="strip" aria-label="Last attempts, oldest first">
          {attempts.toReversed().map((attempt) => (
            <li
              key={attempt.id}
              data-status={attempt.status}
              title={`${attempt.response?.status ?? attempt.error} after ${duration(attempt.durationMs)}`}
            >
              <span aria-hidden="true">{attempt.status === 'SUCCEEDED' ? '✓' : '✕'}</span>
              <span className="unseen">{attempt.status === 'SUCCEEDED' ? 'succeeded' : 'failed'}</span>
            </li>
          ))}
        </ol>
      )}
    </>
  );
}

function LastFailures({ failed }: { failed: NonNullable<Found['failed']>['nodes'] | undefined }) {
  return (
    <>
      <h2>Last failures</h2>
      {!failed || failed.length === 0 ? (
        <p className="soft">{failed ? 'No delivery was given up.' : '–'}</p>
      ) : (
        <ul className="failures">
          {failed.map((delivery) => (
            <li key={delivery.id}>
              <Link href={`/deliveries/${delivery.id}`}>{delivery.event?.type ?? delivery.id}</Link>{' '}
              <span className="soft">
                <Time at={delivery.completedAt ?? delivery.createdAt} />
              </span>
              <div>
                <Visible
                  text={delivery.lastAttempt?.message ?? 'It was due for longer than the server allows.'}
                />
              </div>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** When a disabled webhook is probed, or how to have it probed. */
function Probes({ webhook }: { webhook: Webhook }) {
  const { probe, probeCount: sent, nextProbeAt } = webhook;
  if (webhook.disabledReason !== 'FAILING') return null;
  const sofar = sent === 0 ? '' : sent === 1 ? ' One probe was sent.' : ` ${sent} probes were sent.`;
  if (nextProbeAt)
    return (
      <p>
        A response with a status 2xx to a probe enables it. The next probe is due{' '}
        <Time at={nextProbeAt} exact />.{sofar}
      </p>
    );
  return (
    <p>
      {probe
        ? `No more probes are sent.${sofar}`
        : 'The server can probe it, and enable it when it answers: see its settings.'}
    </p>
  );
}

/** Why a webhook is disabled, and how to enable it. */
function Disabled({ webhook, onChanged }: Props) {
  const [{ error, fetching }, update] = useMutation(UpdateWebhookDocument);
  const mayWrite = useScope('WEBHOOKS_WRITE');
  const why = WHY[webhook.disabledReason ?? 'MANUAL'];
  return (
    <div className="alert" role="status">
      <p>
        <b>This webhook is disabled</b>
        {webhook.disabledAt && (
          <>
            {' '}
            since <Time at={webhook.disabledAt} exact />
          </>
        )}
        . {why.what} Its deliveries are held, and nothing is lost.
      </p>
      <p>{why.advice}</p>
      <Probes webhook={webhook} />
      {mayWrite && (
        <button
          type="button"
          className="primary"
          disabled={fetching}
          onClick={() => void update({ input: { id: webhook.id, enabled: true } }).then(onChanged)}
        >
          Enable it
        </button>
      )}
      <Problem error={error} what="It could not be enabled" />
    </div>
  );
}
