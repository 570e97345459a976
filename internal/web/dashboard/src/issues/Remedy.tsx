import { Link } from 'wouter';
import { useScope } from '../frame/viewer';
import type { IssueAttemptFragment, IssueRowFragment } from '../gql/graphql';

/** An issue as its row shows it, with the last failed attempt for those who may read it. */
export type Issue = IssueRowFragment & Partial<IssueAttemptFragment>;

/** A link to where something can be done about an issue; nothing where its webhook or event type is the place. */
export function Remedy({ issue }: { issue: Issue }) {
  const mayChange = useScope('WEBHOOKS_WRITE');
  const mayReplay = useScope('DELIVERIES_WRITE');
  const { kind, webhookId } = issue;
  const delivery = issue.lastAttempt?.delivery?.id;
  return (
    <>
      {kind === 'DELIVERIES_EXHAUSTED' && webhookId && mayReplay && (
        <Link href={`/replays/new?q=${encodeURIComponent(`webhook:${webhookId}`)}`}>Send them again…</Link>
      )}
      {(kind === 'CERTIFICATE_EXPIRES' || kind === 'BACKLOG') && webhookId && mayChange && (
        <Link href={`/webhooks/${webhookId}/settings`}>Its settings</Link>
      )}
      {delivery && <Link href={`/deliveries/${delivery}`}>The last failed attempt</Link>}
    </>
  );
}
