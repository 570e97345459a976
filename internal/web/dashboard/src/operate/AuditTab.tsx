import { useMemo } from 'react';
import { Link } from 'wouter';
import { auditLogChanges } from '../api/changes';
import { EXACT } from '../api/exact';
import { FilterBar } from '../filter/FilterBar';
import { FrozenLink } from '../filter/FrozenLink';
import type { Suggestion } from '../filter/suggestions';
import { parse } from '../filter/words';
import { useSession } from '../frame/Session';
import { useViewer } from '../frame/viewer';
import { AuditLogDocument, type AuditLogQuery } from '../gql/graphql';
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
import { actionOf, actorOf, allOf, auditFilter, KEYS, objectOf, pathOf, textOf } from './audit';

type Entry = NonNullable<AuditLogQuery['auditLog']>['nodes'][number];

const OWNERS = { '': 'Everything', tenant: 'This tenant' } as const;
const COLUMNS = ['When', 'Who', 'What', 'Object', 'Before and after', 'From'];

/** Who changed what, newest first. The filter is in the address. */
export function AuditTab() {
  useTitle('Audit log');
  const [params, set] = useAddress();
  const viewer = useViewer();
  const text = params.get('q') ?? '';
  const parsed = useMemo(() => parse(text, KEYS), [text]);
  const owner = optionOf(OWNERS, params.get('of'));
  const variables = {
    filter: auditFilter(parsed.terms),
    allTenants: viewer?.operator === true && owner !== 'tenant',
  };
  const { api } = useSession();
  const options = useMemo(
    () => ({ context: EXACT, watch: auditLogChanges(api, variables.allTenants) }),
    [api, variables.allTenants],
  );
  const list = usePages(AuditLogDocument, variables, (data) => data.auditLog, options);

  return (
    <>
      <Head title="Audit log" document={AuditLogDocument} variables={variables}>
        <FrozenLink terms={parsed.terms} />
      </Head>
      <FilterBar
        text={text}
        filter={parsed}
        keys={KEYS}
        placeholder="action:webhook_updated object:019db8a2-… since:24h"
        suggestions={suggestionsOf(list.rows ?? [])}
        onChange={(q) => set({ q })}
      />
      {viewer?.operator && (
        <div className="filter">
          <Choice name="Of" value={owner} options={OWNERS} onChange={(of) => set({ of }, true)} />
        </div>
      )}
      <Problem error={list.error} what="The audit log could not be read" onAgain={list.reload} />
      {list.rows && list.rows.length > 0 && (
        <LiveTable list={list}>
          <ScrollTable label="Changes, newest first" columns={COLUMNS}>
            {list.rows.map((entry) => (
              <EntryRow key={entry.id} entry={entry} of={owner} />
            ))}
          </ScrollTable>
        </LiveTable>
      )}
      <ListFoot noun="changes" empty="No change matches." list={list} />
    </>
  );
}

/** The actions that occur in these entries. */
function suggestionsOf(entries: readonly Entry[]): Suggestion[] {
  const actions = new Set(entries.map(({ action }) => action.toLowerCase()));
  return [...actions].sort().map((value) => ({ key: 'action', value, count: '' }));
}

function EntryRow({ entry, of }: { entry: Entry; of: string }) {
  return (
    <tr>
      <td>
        <Time at={entry.at} />
      </td>
      <td className="name">
        <Visible text={actorOf(entry)} />
        {entry.actor.tokenId && (
          <div>
            <Link className="soft-link" href={allOf({ key: 'token', value: entry.actor.tokenId }, of)}>
              all of this token
            </Link>
          </div>
        )}
      </td>
      <td>{actionOf(entry)}</td>
      <td className="object">
        <ObjectOf entry={entry} of={of} />
      </td>
      <td className="changes">
        <Changes changes={entry.changes} />
      </td>
      <td className="from soft">
        <Visible text={entry.address || '–'} />
        {entry.requestId && (
          <div>
            <code>
              <Visible text={entry.requestId} />
            </code>
          </div>
        )}
      </td>
    </tr>
  );
}

function ObjectOf({ entry, of }: { entry: Entry; of: string }) {
  const path = pathOf(entry);
  const id = <code>{entry.objectId}</code>;
  return (
    <>
      {objectOf(entry)} {path ? <Link href={path}>{id}</Link> : id}
      <div className="soft">
        <Link className="soft-link" href={allOf({ key: 'object', value: entry.objectId }, of)}>
          all of this object
        </Link>
        {entry.tenantId && (
          <>
            {' · tenant '}
            <Visible text={entry.tenant?.name ?? entry.tenantId} />
          </>
        )}
      </div>
    </>
  );
}

/** The fields that changed, with their values as JSON: never as anything but text. */
function Changes({ changes }: { changes: Entry['changes'] }) {
  if (changes.length === 0) return <span className="soft">–</span>;
  return (
    <dl>
      {changes.map(({ field, exactBefore, exactAfter }) => (
        <div key={field}>
          <dt>
            <Visible text={field} />
          </dt>
          <dd>
            <Value exact={exactBefore} /> <span aria-hidden="true">→</span>
            <span className="unseen">became</span> <Value exact={exactAfter} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Value({ exact }: { exact: unknown }) {
  const text = textOf(exact);
  if (text === null) return <span className="soft">nothing</span>;
  return (
    <code>
      <Visible text={text} />
    </code>
  );
}
