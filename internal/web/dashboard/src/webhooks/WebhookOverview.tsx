import { useMutation, useQuery } from 'urql';
import { Link } from 'wouter';
import { useScope } from '../frame/viewer';
import { type DisabledReason, UpdateWebhookDocument, WebhookFailuresDocument } from '../gql/graphql';
import { Problem } from '../ui/Problem';
import { Time } from '../ui/Time';
import { duration } from '../ui/time';
import { Visible } from '../ui/Visible';
import { useAttempts } from './useAttempts';
import type { Webhook } from './WebhookScreen';

const WHY: Record<DisabledReason, { what: string; advice: string }> = {
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

/** How a webhook is: whether it works, what failed last, and what waits. */
export function WebhookOverview({ webhook, onChanged }: Props) {
  const [{ data, error }, ask] = useQuery({ query: WebhookFailuresDocument, variables: { id: webhook.id } });
  useAttempts(webhook.id, () => ask({ requestPolicy: 'network-only' }));
  const found = data?.webhook;
  const attempts = found?.attempts?.nodes ?? [];
  const failed = found?.failed?.nodes ?? [];
  const waiting = found?.pending?.count;

  return (
    <>
      {!webhook.enabled && <Disabled webhook={webhook} onChanged={onChanged} />}
      {webhook.enabled && webhook.failingSince && (
        <p className="alert">
          Every attempt has failed since <Time at={webhook.failingSince} exact />. After five days without a
          success the webhook is disabled; deliveries are then held, and nothing is lost.
        </p>
      )}
      <Problem error={error} what="The deliveries could not be read" onAgain={() => ask()} />
      <dl className="facts">
        <div>
          <dt>Event types</dt>
          <dd>{webhook.events?.join(', ') ?? 'all'}</dd>
        </div>
        <div>
          <dt>Waiting</dt>
          <dd>
            {waiting ? (
              <Link
                href={`/deliveries?q=${encodeURIComponent(`webhook:${webhook.id} status:pending status:held`)}`}
              >
                {waiting.count.toLocaleString()}
                {waiting.precision === 'AT_LEAST' && ' or more'}
              </Link>
            ) : (
              '–'
            )}
          </dd>
        </div>
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

      <h2>Last attempts</h2>
      {attempts.length === 0 ? (
        <p className="soft">None yet.</p>
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

      <h2>Last failures</h2>
      {failed.length === 0 ? (
        <p className="soft">No delivery was given up.</p>
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

/** Why a webhook is disabled, and what it takes to enable it. */
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
