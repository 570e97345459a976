import { useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { useScope } from '../frame/viewer';
import { EventTypesDocument, type EventTypesQuery } from '../gql/graphql';
import { useAddress } from '../ui/address';
import { useRowKeys } from '../ui/cursor';
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
import { grouped, VALIDATIONS } from './eventTypes';
import { ImportDialog } from './ImportDialog';
import { pathOf } from './paths';
import { TypeDialog } from './TypeDialog';
import { TypeMarks } from './TypeMarks';
import { useChanges } from './useChanges';

type Row = NonNullable<EventTypesQuery['eventTypes']>['nodes'][number];

const COLUMNS = [
  'Event type',
  'Published in 7 days',
  'Last published',
  'Webhooks',
  'Events that break the schema',
];

/** The event types, declared and seen, by the first word of their names. The filter is in the address. */
export function EventTypesScreen() {
  useTitle('Event types');
  const [params, set] = useAddress();
  const [, navigate] = useLocation();
  const name = params.get('name') ?? '';
  const filter = name ? { name } : null;
  const mayWrite = useScope('ADMIN');
  const [open, setOpen] = useState<'' | 'declare' | 'import'>('');
  const { watch, isWhole } = useChanges();
  const list = usePages(EventTypesDocument, { filter }, (data) => data.eventTypes, { watch });
  const search = useRef<HTMLInputElement>(null);
  useShortcut('/', 'Type a part of the name', () => search.current?.select());
  useShortcut('n', 'Declare an event type', () => mayWrite && setOpen('declare'));

  return (
    <div className="screen">
      <Head
        title="Event types"
        document={EventTypesDocument}
        variables={{ filter }}
        action={mayWrite && { name: 'Declare an event type', run: () => setOpen('declare') }}
        onReload={isWhole ? undefined : list.reload}
      >
        {mayWrite && (
          <button type="button" onClick={() => setOpen('import')}>
            Import OpenAPI…
          </button>
        )}
      </Head>
      <search className="filter">
        <input
          ref={search}
          type="search"
          aria-label="Part of the name"
          placeholder="Part of the name"
          value={name}
          spellCheck={false}
          autoCapitalize="none"
          onChange={(event) => set({ name: event.target.value }, true)}
        />
      </search>
      <Problem error={list.error} what="The event types could not be read" onAgain={list.reload} />
      {list.rows && list.rows.length > 0 && (
        <LiveTable list={list}>
          <TypeTable rows={list.rows} />
        </LiveTable>
      )}
      <ListFoot
        noun="event types"
        isNamed
        list={list}
        empty={
          filter
            ? 'No event type has this in its name.'
            : 'No event type is declared, and no event was published. Declared types tell receivers what they get, and check what is sent.'
        }
      />
      {open === 'declare' && (
        <TypeDialog
          onClose={(name) => {
            setOpen('');
            if (name) navigate(pathOf(name));
          }}
        />
      )}
      {open === 'import' && (
        <ImportDialog
          onClose={(isDone) => {
            setOpen('');
            if (isDone) list.reload();
          }}
        />
      )}
    </div>
  );
}

function TypeTable({ rows }: { rows: readonly Row[] }) {
  const cursor = useRowKeys(rows, 'event type', (id) =>
    pathOf(rows.find((row) => row.id === id)?.name ?? ''),
  );
  return (
    <ScrollTable label="Event types, by name" columns={COLUMNS} isGrouped>
      {grouped(rows).map(({ prefix, rows }) => (
        <tbody key={prefix}>
          <tr className="group">
            <th scope="rowgroup" colSpan={COLUMNS.length}>
              <code>{prefix ? `${prefix}*` : 'of one word'}</code> {rows.length.toLocaleString()}
            </th>
          </tr>
          {rows.map((row) => (
            <TypeRow key={row.id} row={row} isCurrent={row.id === cursor} />
          ))}
        </tbody>
      ))}
    </ScrollTable>
  );
}

function TypeRow({ row, isCurrent }: { row: Row; isCurrent: boolean }) {
  return (
    <tr id={`row-${row.id}`} data-current={isCurrent}>
      <td className="name">
        <Link href={pathOf(row.name)}>{row.name}</Link> <TypeMarks type={row} />
        {row.description && (
          <div className="soft cut">
            <Visible text={row.description} />
          </div>
        )}
      </td>
      <td>{row.stats ? row.stats.totals.events.toLocaleString() : '–'}</td>
      <td>{row.lastPublishedAt ? <Time at={row.lastPublishedAt} /> : <span className="soft">never</span>}</td>
      <td>{row.webhookCount.toLocaleString()}</td>
      <td>{row.validation === 'OFF' ? <span className="soft">–</span> : VALIDATIONS[row.validation]}</td>
    </tr>
  );
}
