import { useMemo, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { counts, either, webhookChanges } from '../api/changes';
import { useSession } from '../frame/Session';
import { useScope } from '../frame/viewer';
import { type WebhookFilter, WebhooksDocument, type WebhooksQuery } from '../gql/graphql';
import { useAddress } from '../ui/address';
import { Choice, optionOf } from '../ui/Choice';
import { useRowKeys } from '../ui/cursor';
import { Head } from '../ui/Head';
import { ListFoot } from '../ui/ListFoot';
import { LiveTable } from '../ui/LiveTable';
import { Problem } from '../ui/Problem';
import { useShortcut } from '../ui/shortcuts';
import { Time } from '../ui/Time';
import { duration, percent } from '../ui/time';
import { useTitle } from '../ui/title';
import { usePages } from '../ui/usePages';
import { Visible } from '../ui/Visible';
import { RegisterDialog } from './RegisterDialog';
import { Sparkline } from './Sparkline';
import { WebhookState } from './WebhookState';

type WebhookRow = NonNullable<WebhooksQuery['webhooks']>['nodes'][number];

const STATES = { '': 'All', enabled: 'Enabled', disabled: 'Disabled' } as const;
type State = keyof typeof STATES;

/** The webhooks, newest first, and a button to register one. The filter is in the address. */
export function WebhooksScreen() {
  useTitle('Webhooks');
  const [params, set] = useAddress();
  const [, navigate] = useLocation();
  const state = optionOf(STATES, params.get('state'));
  const url = params.get('url') ?? '';
  const mayWrite = useScope('WEBHOOKS_WRITE');
  const [registering, setRegistering] = useState(false);
  useShortcut('n', 'Register a webhook', () => mayWrite && setRegistering(true));

  const filter = filterOf(state, url);
  const { api } = useSession();
  // Only deliveries have streams.
  const mayFollow = useScope('DELIVERIES_READ');
  const watch = useMemo(
    () => (mayFollow ? either(counts(api), webhookChanges(api)) : undefined),
    [api, mayFollow],
  );
  const list = usePages(WebhooksDocument, { filter }, (data) => data.webhooks, { watch });
  const search = useRef<HTMLInputElement>(null);
  useShortcut('/', 'Type a part of the URL', () => search.current?.select());

  return (
    <div className="screen">
      <Head
        title="Webhooks"
        document={WebhooksDocument}
        variables={{ filter }}
        action={mayWrite && { name: 'Register a webhook', run: () => setRegistering(true) }}
        onReload={mayFollow ? undefined : list.reload}
      />
      <form className="filter" role="search" onSubmit={(event) => event.preventDefault()}>
        <input
          ref={search}
          type="search"
          aria-label="Part of the URL"
          placeholder="Part of the URL"
          value={url}
          spellCheck={false}
          onChange={(event) => set({ url: event.target.value }, true)}
        />
        <Choice name="State" value={state} options={STATES} onChange={(state) => set({ state }, true)} />
      </form>
      <Problem error={list.error} what="The webhooks could not be read" onAgain={list.reload} />
      {list.rows && list.rows.length > 0 && (
        <LiveTable list={list}>
          <WebhookTable rows={list.rows} />
        </LiveTable>
      )}
      <ListFoot
        noun="webhooks"
        empty={filter ? 'No webhook matches.' : 'No webhook is registered yet, so events are not delivered.'}
        list={list}
      />
      {registering && (
        <RegisterDialog
          onClose={(id) => {
            setRegistering(false);
            if (id) navigate(`/webhooks/${id}`);
          }}
        />
      )}
    </div>
  );
}

function filterOf(state: State, url: string): WebhookFilter | null {
  if (!state && !url) return null;
  return { ...(state && { enabled: state === 'enabled' }), ...(url && { url }) };
}

function WebhookTable({ rows }: { rows: readonly WebhookRow[] }) {
  const cursor = useRowKeys(rows, 'webhook', (id) => `/webhooks/${id}`);
  return (
    <div className="table of-webhooks">
      <table>
        <thead>
          <tr>
            <th scope="col">URL</th>
            <th scope="col">State</th>
            <th scope="col">Event types</th>
            <th scope="col">Last 24 hours</th>
            <th scope="col">Succeeded</th>
            <th scope="col">95 % within</th>
            <th scope="col">Waiting</th>
            <th scope="col">Created</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id} id={`row-${row.id}`} data-current={row.id === cursor}>
              <td className="url">
                <Link href={`/webhooks/${row.id}`}>
                  <Visible text={row.url} />
                </Link>
                {row.description && (
                  <div className="soft">
                    <Visible text={row.description} />
                  </div>
                )}
              </td>
              <td>
                <WebhookState webhook={row} />
              </td>
              <td className="types">{row.events?.join(', ') ?? 'all'}</td>
              <td>{row.stats && <Sparkline buckets={row.stats.series} />}</td>
              <td>{row.health?.successRate == null ? '–' : percent(row.health.successRate)}</td>
              <td>{row.health?.p95Ms == null ? '–' : duration(row.health.p95Ms)}</td>
              <td>
                {row.health ? (row.health.backlog.due + row.health.backlog.held).toLocaleString() : '–'}
              </td>
              <td className="soft">
                <Time at={row.createdAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
