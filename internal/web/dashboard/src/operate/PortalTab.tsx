import { useMemo, useState } from 'react';
import { auditLogChanges } from '../api/changes';
import { useSession } from '../frame/Session';
import { useScope, useViewer } from '../frame/viewer';
import { type PortalSessionStatus, PortalSessionsDocument, type PortalSessionsQuery } from '../gql/graphql';
import { useAddress } from '../ui/address';
import { Choice, optionOf } from '../ui/Choice';
import { Head } from '../ui/Head';
import { ListFoot } from '../ui/ListFoot';
import { LiveTable } from '../ui/LiveTable';
import { Problem } from '../ui/Problem';
import { ScrollTable } from '../ui/ScrollTable';
import { useShortcut } from '../ui/shortcuts';
import { Time } from '../ui/Time';
import { useTitle } from '../ui/title';
import { usePages } from '../ui/usePages';
import { Visible } from '../ui/Visible';
import { CreateLinkDialog } from './CreateLinkDialog';
import { RevokeSessionDialog } from './RevokeSessionDialog';

export type PortalSession = NonNullable<PortalSessionsQuery['portalSessions']>['nodes'][number];

const STATES = {
  '': 'All',
  PENDING: 'Not opened',
  ACTIVE: 'Open',
  EXPIRED: 'Expired',
  REVOKED: 'Revoked',
} as const;
const OWNERS = { '': 'All tenants', tenant: 'This tenant' } as const;
const COLUMNS = ['For', 'State', 'Tenant', 'Scopes', 'Created', 'Opened', 'Last used', 'Ends', 'Revoke'];

const LOOKS: Record<PortalSessionStatus, { status: string; sign: string }> = {
  PENDING: { status: 'PENDING', sign: '…' },
  ACTIVE: { status: 'SUCCEEDED', sign: '✓' },
  EXPIRED: { status: 'CANCELED', sign: '–' },
  REVOKED: { status: 'CANCELED', sign: '–' },
};

/** The links and sessions of the customer portal, newest first, and the ways to create and revoke one. The filter is in the address. */
export function PortalTab() {
  useTitle('Portal');
  const [params, set] = useAddress();
  const viewer = useViewer();
  const mayCreate = useScope('ADMIN');
  const state = optionOf(STATES, params.get('state'));
  const owner = optionOf(OWNERS, params.get('of'));
  const variables = {
    filter: state ? { statuses: [state] } : null,
    allTenants: viewer?.operator === true && owner !== 'tenant',
  };
  const { api } = useSession();
  const watch = useMemo(() => auditLogChanges(api, variables.allTenants), [api, variables.allTenants]);
  const list = usePages(PortalSessionsDocument, variables, (data) => data.portalSessions, { watch });
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<PortalSession | null>(null);
  useShortcut('n', 'Create a portal link', () => mayCreate && setCreating(true));

  return (
    <>
      <Head
        title="Portal"
        document={PortalSessionsDocument}
        variables={variables}
        action={mayCreate && { name: 'Create a link', run: () => setCreating(true) }}
      />
      <p>
        A link opens this dashboard for a tenant’s own developers: their webhooks and deliveries only, without
        a token. Platforms create links with <code>createPortalLink</code>.
      </p>
      <search className="filter">
        <Choice name="State" value={state} options={STATES} onChange={(state) => set({ state }, true)} />
        {viewer?.operator && (
          <Choice name="Tenants" value={owner} options={OWNERS} onChange={(of) => set({ of }, true)} />
        )}
      </search>
      <Problem error={list.error} what="The portal sessions could not be read" onAgain={list.reload} />
      {list.rows && list.rows.length > 0 && (
        <LiveTable list={list}>
          <ScrollTable label="Portal links and sessions, newest first" columns={COLUMNS}>
            {list.rows.map((session) => (
              <SessionRow key={session.id} session={session} onRevoke={() => setRevoking(session)} />
            ))}
          </ScrollTable>
        </LiveTable>
      )}
      <ListFoot noun="links" empty="No link matches." list={list} />
      {creating && (
        <CreateLinkDialog
          onClose={(created) => {
            setCreating(false);
            if (created) list.reload();
          }}
        />
      )}
      {revoking && (
        <RevokeSessionDialog
          session={revoking}
          onClose={(revoked) => {
            setRevoking(null);
            if (revoked) list.reload();
          }}
        />
      )}
    </>
  );
}

function SessionRow({ session, onRevoke }: { session: PortalSession; onRevoke(): void }) {
  const { label, status, tenant, scopes, createdAt, openedAt, lastUsedAt, expiresAt, revokedAt } = session;
  const { status: look, sign } = LOOKS[status];
  const canEnd = status === 'PENDING' || status === 'ACTIVE';
  return (
    <tr>
      <td className="name">
        <Visible text={label} />
      </td>
      <td>
        <span className="status" data-status={look}>
          <span aria-hidden="true">{sign}</span> {STATES[status]}
        </span>
      </td>
      <td>{tenant?.name}</td>
      <td className="types">
        <code>{scopes.join(' ')}</code>
      </td>
      <td>
        <Time at={createdAt} />
      </td>
      <td>{openedAt ? <Time at={openedAt} /> : 'never'}</td>
      <td>{lastUsedAt ? <Time at={lastUsedAt} /> : 'never'}</td>
      <td>
        <Time at={revokedAt ?? expiresAt} future />
      </td>
      <td>
        {canEnd && (
          <button type="button" className="danger" aria-label={`Revoke ${label}`} onClick={onRevoke}>
            Revoke…
          </button>
        )}
      </td>
    </tr>
  );
}
