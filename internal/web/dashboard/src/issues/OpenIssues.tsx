import { useMemo } from 'react';
import { Link } from 'wouter';
import { issueChanges } from '../api/changes';
import { useWatched } from '../api/useLive';
import { useSession } from '../frame/Session';
import { useScope } from '../frame/viewer';
import { type IssueKind, OpenIssuesDocument } from '../gql/graphql';
import { Problem } from '../ui/Problem';
import { Time } from '../ui/Time';
import { Visible } from '../ui/Visible';
import { Acknowledge } from './Acknowledge';
import { type Issue, Remedy } from './Remedy';

/** What an issue counts, as one and as many; absent if that says nothing. */
const COUNTED: Partial<Record<IssueKind, readonly [string, string]>> = {
  WEBHOOK_FAILING: ['failed attempt', 'failed attempts'],
  DELIVERIES_EXHAUSTED: ['failed delivery', 'failed deliveries'],
  BACKLOG: ['pending delivery', 'pending deliveries'],
};

/** What the issue has counted: "3 failed attempts"; empty if that says nothing. */
export function countOf({ kind, count }: Pick<Issue, 'kind' | 'count'>): string {
  const nouns = COUNTED[kind];
  return nouns ? `${count.toLocaleString()} ${nouns[count === 1 ? 0 : 1]}` : '';
}

interface Props {
  /** The webhooks; absent for all of the tenant. Up to 100, the others are left out. */
  webhookIds?: readonly string[];
  /** Whether the page is of one webhook. */
  isOfOne?: boolean;
}

/** The open issues of the tenant, or of webhooks; nothing while there are none. */
export function OpenIssues({ webhookIds, isOfOne = false }: Props) {
  const { api } = useSession();
  const mayRead = useScope('WEBHOOKS_READ');
  const attempts = useScope('DELIVERIES_READ');
  const key = webhookIds?.slice(0, 100).join(' ');
  const filter = useMemo(
    () => ({
      statuses: ['OPEN' as const, 'ACKNOWLEDGED' as const],
      ...(key !== undefined ? { webhookIds: key.split(' ') } : {}),
    }),
    [key],
  );
  const changes = useMemo(() => issueChanges(api), [api]);
  const { data, error, reload } = useWatched(OpenIssuesDocument, { filter, attempts }, changes, {
    pause: !mayRead || key === '',
  });
  const found = data?.issues;
  const more = found ? found.count.count - found.nodes.length : 0;
  if (!error && !found?.nodes.length) return null;
  return (
    <section className="issues" aria-label="Open issues">
      <Problem error={error} what="The issues could not be read" onAgain={reload} />
      {found && found.nodes.length > 0 && <h2>Open issues</h2>}
      <ul>
        {found?.nodes.map((issue) => (
          <Row key={issue.id} issue={issue} named={!isOfOne} onChanged={reload} />
        ))}
      </ul>
      {found && more > 0 && (
        <p className="soft">
          {more.toLocaleString()}
          {found.count.precision === 'AT_LEAST' && ' or'} more: see <Link href="/issues">all issues</Link>.
        </p>
      )}
    </section>
  );
}

/** What the issue is of: its webhook, or its event type. */
export function Subject({ issue, linked = true }: { issue: Issue; linked?: boolean }) {
  const { webhookId, eventType } = issue;
  const text = webhookId ? (issue.webhook?.url ?? webhookId) : eventType;
  if (!text) return null;
  const path = webhookId ? `/webhooks/${webhookId}` : `/event-types/${encodeURIComponent(text)}`;
  return linked ? (
    <Link href={path}>
      <Visible text={text} />
    </Link>
  ) : (
    <Visible text={text} />
  );
}

interface RowProps {
  issue: Issue;
  /** Whether to say which webhook it is of. */
  named: boolean;
  onChanged(): void;
}

function Row({ issue, named, onChanged }: RowProps) {
  const counted = countOf(issue);
  return (
    <li className="alert">
      <div>
        <b>{issue.title}</b>
        <span>{issue.advice}</span>
        {named && <Subject issue={issue} />}
        <span className="soft">
          {counted && `${counted}, `}since <Time at={issue.firstSeenAt} />
          {issue.disablesAt && (
            <>
              ; the webhook will be disabled <Time at={issue.disablesAt} future />
            </>
          )}
        </span>
        {issue.acknowledgedAt && (
          <span className="soft">
            Acknowledged <Time at={issue.acknowledgedAt} />
            {issue.acknowledgedBy && (
              <>
                {' '}
                by <Visible text={issue.acknowledgedBy} />
              </>
            )}
          </span>
        )}
      </div>
      <div className="remedies">
        <Remedy issue={issue} />
        <Acknowledge issue={issue} onChanged={onChanged} />
      </div>
    </li>
  );
}
