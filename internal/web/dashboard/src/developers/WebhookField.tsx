import { useQuery } from 'urql';
import { Link } from 'wouter';
import { useScope } from '../frame/viewer';
import { DevelopersWebhookDocument } from '../gql/graphql';
import { WebhookChooser } from '../replays/WebhookChooser';
import { Visible } from '../ui/Visible';

interface Props {
  /** The chosen one; "" for none. */
  id: string;
  label: string;
  problem?: string | undefined;
  onChange(id: string): void;
}

/** The chosen webhook, or a search for one. */
export function WebhookField({ id, label, problem, onChange }: Props) {
  const mayRead = useScope('WEBHOOKS_READ');
  const [{ data, error, fetching }] = useQuery({
    query: DevelopersWebhookDocument,
    variables: { id },
    pause: id === '' || !mayRead,
  });
  if (!mayRead) return null;
  if (id === '') return <WebhookChooser label={label} onChoose={onChange} />;
  const webhook = data?.webhook?.id === id ? data.webhook : null;
  return (
    <div className="field">
      <p>
        Webhook{' '}
        {webhook ? (
          <Link href={`/webhooks/${id}`}>
            <Visible text={webhook.url} />
          </Link>
        ) : (
          <code>
            <Visible text={id} />
          </code>
        )}{' '}
        <button type="button" onClick={() => onChange('')}>
          Another webhook
        </button>
      </p>
      {(problem || (!fetching && (error || data?.webhook === null))) && (
        <p className="wrong" role="alert">
          {problem ?? 'No webhook has this ID for this token and tenant.'}
        </p>
      )}
    </div>
  );
}
