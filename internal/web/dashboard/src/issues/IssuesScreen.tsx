import { useMemo } from 'react';
import { Link } from 'wouter';
import { issueChanges } from '../api/changes';
import { useSession } from '../frame/Session';
import { useViewer } from '../frame/viewer';
import { type IssueFilter, type IssueKind, IssuesDocument, type IssuesQuery } from '../gql/graphql';
import { useAddress } from '../ui/address';
import { Choice, optionOf } from '../ui/Choice';
import { Head } from '../ui/Head';
import { ListFoot } from '../ui/ListFoot';
import { LiveTable } from '../ui/LiveTable';
import { Problem } from '../ui/Problem';
import { ScrollTable } from '../ui/ScrollTable';
import { Time } from '../ui/Time';
import { useTitle } from '../ui/title';
import { usePages } from '../ui/usePages';
import { Visible } from '../ui/Visible';
import { Acknowledge } from './Acknowledge';
import { countOf, Subject } from './OpenIssues';
import { Remedy } from './Remedy';

type IssueRow = NonNullable<IssuesQuery['issues']>['nodes'][number];

const STATES = { '': 'All', open: 'Open', acknowledged: 'Acknowledged', resolved: 'Resolved' } as const;
type State = keyof typeof STATES;

const KINDS: Record<IssueKind | '', string> = {
  '': 'All',
  WEBHOOK_FAILING: 'Failing',
  WEBHOOK_DISABLED: 'Disabled',
  DELIVERIES_EXHAUSTED: 'Given up',
  BACKLOG: 'Backlog',
  CERTIFICATE_EXPIRES: 'Certificate',
  SCHEMA_MISMATCH: 'Schema',
  QUOTA: 'Quota',
};

const OWNERS = { '': 'This tenant', all: 'All tenants' } as const;

const COLUMNS = ['Issue', 'Of', 'State', 'Count', 'Since', 'Last', 'Acknowledge'];

/** The issues, open ones first. The filter is in the address. */
export function IssuesScreen() {
  useTitle('Issues');
  const [params, set] = useAddress();
  const state = optionOf(STATES, params.get('state'));
  const kind = optionOf(KINDS, params.get('kind'));
  const webhook = params.get('webhook');
  const filter = filterOf(state, kind, webhook);
  const viewer = useViewer();
  const owner = optionOf(OWNERS, params.get('of'));
  const allTenants = viewer?.operator === true && owner === 'all';
  const variables = { filter, allTenants };
  const { api } = useSession();
  const watch = useMemo(() => issueChanges(api, allTenants), [api, allTenants]);
  const list = usePages(IssuesDocument, variables, (data) => data.issues, { watch });
  return (
    <div className="screen">
      <Head title="Issues" document={IssuesDocument} variables={variables} />
      <div className="filter">
        <Choice name="State" value={state} options={STATES} onChange={(state) => set({ state }, true)} />
        <Choice name="Kind" value={kind} options={KINDS} onChange={(kind) => set({ kind }, true)} />
        {viewer?.operator && (
          <Choice name="Of" value={owner} options={OWNERS} onChange={(of) => set({ of }, true)} />
        )}
        {webhook && (
          <button type="button" onClick={() => set({ webhook: null }, true)}>
            Of one webhook <span aria-hidden="true">✕</span>
            <span className="unseen">: show all</span>
          </button>
        )}
      </div>
      <Problem error={list.error} what="The issues could not be read" onAgain={list.reload} />
      {list.rows && list.rows.length > 0 && (
        <LiveTable list={list}>
          <ScrollTable label="Issues, open ones first" columns={COLUMNS}>
            {list.rows.map((issue) => (
              <Row
                key={issue.id}
                issue={issue}
                isOwn={!issue.tenant || issue.tenant.id === viewer?.tenant.id}
                onWebhook={() => set({ webhook: issue.webhookId }, true)}
                onChanged={list.reload}
              />
            ))}
          </ScrollTable>
        </LiveTable>
      )}
      <ListFoot
        noun="issues"
        empty={
          filter
            ? 'No issue matches.'
            : 'There are no issues. One opens when a webhook keeps failing, a certificate expires or a quota is used up, and closes by itself.'
        }
        list={list}
      />
    </div>
  );
}

function filterOf(state: State, kind: IssueKind | '', webhook: string | null): IssueFilter | null {
  if (!state && !kind && !webhook) return null;
  return {
    ...(state && { statuses: [state.toUpperCase() as 'OPEN' | 'ACKNOWLEDGED' | 'RESOLVED'] }),
    ...(kind && { kinds: [kind] }),
    ...(webhook && { webhookIds: [webhook] }),
  };
}

interface RowProps {
  issue: IssueRow;
  /** Whether it is of the tenant that the page acts for: pages of others are not found. */
  isOwn: boolean;
  onWebhook(): void;
  onChanged(): void;
}

function Row({ issue, isOwn, onWebhook, onChanged }: RowProps) {
  const counted = countOf(issue);
  const delivery = issue.lastAttempt?.delivery?.id;
  return (
    <tr>
      <td className="name">
        {issue.title}
        {!issue.resolvedAt && <div className="soft">{issue.advice}</div>}
        {!issue.resolvedAt && isOwn && (
          <div className="remedies">
            <Remedy issue={issue} />
          </div>
        )}
        {issue.disablesAt && (
          <div className="soft">
            The webhook will be disabled <Time at={issue.disablesAt} future />
          </div>
        )}
      </td>
      <td className="url">
        {issue.tenant && (
          <div>
            <Visible text={issue.tenant.name} />
          </div>
        )}
        <Subject issue={issue} linked={isOwn} />
        {issue.webhookId && isOwn && (
          <div>
            <button type="button" className="quiet" onClick={onWebhook}>
              Only its issues
            </button>
          </div>
        )}
      </td>
      <td>
        <IssueState issue={issue} />
      </td>
      <td>{counted || '–'}</td>
      <td>
        <Time at={issue.firstSeenAt} />
      </td>
      <td>
        {delivery && isOwn ? (
          <Link href={`/deliveries/${delivery}`}>
            <Time at={issue.lastSeenAt} />
          </Link>
        ) : (
          <Time at={issue.lastSeenAt} />
        )}
      </td>
      <td>
        {issue.resolvedAt || (!isOwn && !issue.acknowledgedAt) ? (
          <span className="soft">–</span>
        ) : issue.acknowledgedAt ? (
          <span className="soft">
            <Visible text={issue.acknowledgedBy ?? 'somebody'} />, <Time at={issue.acknowledgedAt} />
          </span>
        ) : (
          <Acknowledge issue={issue} onChanged={onChanged} />
        )}
      </td>
    </tr>
  );
}

function IssueState({ issue }: { issue: IssueRow }) {
  if (issue.resolvedAt)
    return (
      <>
        Resolved <Time at={issue.resolvedAt} />
      </>
    );
  return <b>{issue.acknowledgedAt ? 'Acknowledged' : 'Open'}</b>;
}
