import { Link } from 'wouter';
import { Result } from '../deliveries/DeliveryListRow';
import type { ReplayPreviewQuery } from '../gql/graphql';
import { ScrollTable } from '../ui/ScrollTable';
import { Status } from '../ui/Status';
import { Time } from '../ui/Time';
import { duration } from '../ui/time';
import { UserErrors } from '../ui/UserErrors';
import { Visible } from '../ui/Visible';
import { type KindOption, problemOf } from './replays';

type Preview = NonNullable<ReplayPreviewQuery['replayPreview']>;

const MAX_WEBHOOKS = 10;

interface Props {
  kind: KindOption;
  preview: Preview;
  rate: number | null | undefined;
}

const NOTHING: Record<KindOption, string> = {
  failed: 'No delivery matches: nothing would be sent.',
  all: 'No delivery matches: nothing would be sent.',
  missing: 'The webhook has had every event that matches: nothing would be sent.',
  cancel: 'No delivery that waits matches: nothing would be canceled.',
};

/** The deliveries that a replay would send or cancel. */
export function PreviewResult({ kind, preview, rate }: Props) {
  const { deliveries, byWebhook, samples, userErrors } = preview;
  if (userErrors.length > 0) return <UserErrors errors={userErrors.map(problemOf)} />;
  if (deliveries.count === 0) return <p className="empty">{NOTHING[kind]}</p>;
  return (
    <section
      className="preview-result"
      aria-label={kind === 'cancel' ? 'What would be canceled' : 'What would be sent'}
    >
      <p>
        <b>
          {deliveries.precision === 'AT_LEAST' && 'At least '}
          {deliveries.count.toLocaleString()} {deliveries.count === 1 ? 'delivery' : 'deliveries'}
        </b>{' '}
        to {byWebhook.length.toLocaleString()} {byWebhook.length === 1 ? 'webhook' : 'webhooks'}
        {rate && `, over about ${duration((1000 * deliveries.count) / rate)}`}.
      </p>
      <ScrollTable label="By webhook" columns={['Webhook', 'Deliveries']}>
        {byWebhook.slice(0, MAX_WEBHOOKS).map(({ webhookId, webhook, count }) => (
          <tr key={webhookId}>
            <td className="name">
              {webhook ? (
                <Link href={`/webhooks/${webhookId}`}>
                  <Visible text={webhook.url} />
                </Link>
              ) : (
                <code>{webhookId}</code>
              )}
            </td>
            <td>{count.toLocaleString()}</td>
          </tr>
        ))}
      </ScrollTable>
      {byWebhook.length > MAX_WEBHOOKS && (
        <p className="soft">and {(byWebhook.length - MAX_WEBHOOKS).toLocaleString()} more</p>
      )}
      {samples.length > 0 && <Samples samples={samples} />}
    </section>
  );
}

function Samples({ samples }: { samples: Preview['samples'] }) {
  return (
    <>
      <h2>The newest of them</h2>
      <ScrollTable
        label="The newest of them"
        columns={['Event type', 'To', 'Status', 'Last result', 'Created']}
      >
        {samples.map((row) => (
          <tr key={row.id}>
            <td className="name">
              <Link href={`/deliveries/${row.id}`}>{row.event?.type ?? row.id}</Link>
            </td>
            <td className="name">
              <Visible text={row.webhookUrl} />
            </td>
            <td>
              <Status status={row.status} />
            </td>
            <td>
              <Result row={row} />
            </td>
            <td>
              <Time at={row.createdAt} />
            </td>
          </tr>
        ))}
      </ScrollTable>
    </>
  );
}
