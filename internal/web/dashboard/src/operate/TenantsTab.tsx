import { useMemo, useRef } from 'react';
import { counts } from '../api/changes';
import { useSession } from '../frame/Session';
import { useViewer } from '../frame/viewer';
import { OperateTenantsDocument, type OperateTenantsQuery } from '../gql/graphql';
import { useAddress } from '../ui/address';
import { Head } from '../ui/Head';
import { ListFoot } from '../ui/ListFoot';
import { LiveTable } from '../ui/LiveTable';
import { Problem } from '../ui/Problem';
import { ScrollTable } from '../ui/ScrollTable';
import { useShortcut } from '../ui/shortcuts';
import { Time } from '../ui/Time';
import { duration, percent } from '../ui/time';
import { useTitle } from '../ui/title';
import { usePages } from '../ui/usePages';

type Tenant = NonNullable<OperateTenantsQuery['tenants']>['nodes'][number];

const COLUMNS = [
  'Tenant',
  'Act for it',
  'Webhooks',
  'Stored events',
  'Waiting',
  'Published in 24 h',
  'Delivered',
  'Failed',
  'Attempts succeeded',
  '95 % within',
  'Limits',
];

/** The tenants with what they use and may use, newest first. The filter is in the address. */
export function TenantsTab() {
  useTitle('Tenants');
  const [params, set] = useAddress();
  const name = params.get('name') ?? '';
  const filter = name ? { name } : null;
  const { api } = useSession();
  const watch = useMemo(() => counts(api, { allTenants: true }), [api]);
  const list = usePages(OperateTenantsDocument, { filter }, (data) => data.tenants, { watch });
  const search = useRef<HTMLInputElement>(null);
  useShortcut('/', 'Type a part of the name', () => search.current?.select());

  return (
    <>
      <Head title="Tenants" document={OperateTenantsDocument} variables={{ filter }} onReload={list.reload} />
      <search className="filter">
        <input
          ref={search}
          type="search"
          aria-label="Part of the name"
          placeholder="Part of the name"
          value={name}
          spellCheck={false}
          onChange={(event) => set({ name: event.target.value }, true)}
        />
      </search>
      <Problem error={list.error} what="The tenants could not be read" onAgain={list.reload} />
      {list.rows && list.rows.length > 0 && (
        <LiveTable list={list}>
          <ScrollTable label="Tenants, newest first" columns={COLUMNS}>
            {list.rows.map((tenant) => (
              <TenantRow key={tenant.id} tenant={tenant} />
            ))}
          </ScrollTable>
        </LiveTable>
      )}
      <ListFoot noun="tenants" empty="No tenant has this in its name." list={list} />
    </>
  );
}

function TenantRow({ tenant }: { tenant: Tenant }) {
  const { actFor } = useSession();
  const isCurrent = useViewer()?.tenant.id === tenant.id;
  const { usage, quotas } = tenant;
  const totals = usage?.stats.totals;
  return (
    <tr aria-current={isCurrent || undefined}>
      <td>
        <b>{tenant.name}</b>
        <div className="soft">
          created <Time at={tenant.createdAt} />
        </div>
      </td>
      <td>
        {isCurrent ? (
          <span className="soft">acting for it</span>
        ) : (
          <button type="button" aria-label={`Act for it: ${tenant.name}`} onClick={() => actFor(tenant.name)}>
            Act for it
          </button>
        )}
      </td>
      <td>{ofQuota(usage?.webhooks, quotas.webhooks)}</td>
      <td>{ofQuota(usage?.storedEvents, quotas.storedEvents)}</td>
      <td>{count(usage && usage.backlog.due + usage.backlog.held)}</td>
      <td>{count(totals?.events)}</td>
      <td>{count(totals?.succeeded)}</td>
      <td>{count(totals?.failed)}</td>
      <td>{totals?.successRate == null ? '–' : percent(totals.successRate)}</td>
      <td>{totals?.p95 == null ? '–' : duration(totals.p95)}</td>
      <td className="limits">{limitsOf(tenant).join(', ') || <span className="soft">none</span>}</td>
    </tr>
  );
}

function count(value: number | null | undefined): string {
  return value == null ? '–' : value.toLocaleString();
}

/** The usage and the quota: "3 of 100". Stored events are counted only if there is a quota. */
function ofQuota(used: number | null | undefined, quota: number | null | undefined): string {
  return quota == null ? count(used) : `${count(used)} of ${quota.toLocaleString()}`;
}

/** The tenant's limits that have no column. */
function limitsOf({ quotas, retentionMs }: Tenant): string[] {
  const limits: string[] = [];
  if (quotas.tokens != null) limits.push(`${quotas.tokens.toLocaleString()} tokens`);
  if (quotas.portalSessions != null) limits.push(`${quotas.portalSessions.toLocaleString()} portal sessions`);
  if (quotas.eventsPerSecond != null) {
    const burst = quotas.eventBurst == null ? '' : `, ${quotas.eventBurst.toLocaleString()} in a burst`;
    limits.push(`${quotas.eventsPerSecond.toLocaleString()} events/s${burst}`);
  }
  if (retentionMs != null) {
    limits.push(retentionMs === 0 ? 'kept forever' : `kept for ${duration(retentionMs)}`);
  }
  return limits;
}
