import { useMemo, useState } from 'react';
import { useLocation } from 'wouter';
import { counts, either, webhookChanges } from '../api/changes';
import { FilterBar } from '../filter/FilterBar';
import { FrozenLink } from '../filter/FrozenLink';
import { SavedViews } from '../filter/SavedViews';
import { parse, print, untilThen } from '../filter/words';
import { useSession } from '../frame/Session';
import { useScope } from '../frame/viewer';
import {
  type EventRowFragment,
  EventsDocument,
  type EventsQuery,
  type EventsQueryVariables,
} from '../gql/graphql';
import { useAddress } from '../ui/address';
import { useCursor } from '../ui/cursor';
import { Head } from '../ui/Head';
import { ListFoot } from '../ui/ListFoot';
import { LiveButton } from '../ui/LiveButton';
import { NARROW } from '../ui/media';
import { PausedButton } from '../ui/PausedButton';
import { Problem } from '../ui/Problem';
import { RowGrid } from '../ui/RowGrid';
import { useShortcut } from '../ui/shortcuts';
import { useTitle } from '../ui/title';
import { useHolding } from '../ui/useHolding';
import { usePages } from '../ui/usePages';
import { EventListRow } from './EventListRow';
import { EventPreview } from './EventPreview';
import { fanOut } from './fanOut';
import { eventFilter, KEYS } from './filter';
import { PublishDialog } from './PublishDialog';

const COLUMNS = ['Event type', 'Tags', 'Where it went', 'Published'];

const PAGE_SIZE = 50;

/** The list of events. Filter and preview are in the address. */
export function EventsScreen() {
  const [params, set] = useAddress();
  const [, navigate] = useLocation();
  const text = params.get('q') ?? '';
  const open = params.get('open');
  const filter = useMemo(() => parse(text, KEYS), [text]);
  const mayPublish = useScope('EVENTS_PUBLISH');
  const [publishing, setPublishing] = useState(false);
  useTitle(text ? `Events ${text}` : 'Events');

  const { api } = useSession();
  const [live, setLive] = useState(true);
  const watch = useMemo(() => (live ? either(counts(api), webhookChanges(api)) : undefined), [api, live]);
  const list = usePages(
    EventsDocument,
    { filter: eventFilter(filter.terms), first: PAGE_SIZE },
    (data) => data.events,
    { watch },
  );
  const [cursor, setCursor] = useCursor(list.rows ?? [], 'event', (id) => open && set({ open: id }, true));
  useShortcut('Enter', 'Open the event', () => cursor && navigate(`/events/${cursor}`));
  useShortcut(
    'o',
    'Show or hide the preview',
    () => cursor && set({ open: open === cursor ? null : cursor }),
  );
  useShortcut('n', 'Publish an event', () => mayPublish && setPublishing(true));
  useShortcut('Escape', 'Close the preview', () => set({ open: null }));

  return (
    <div className="screen">
      <Head
        title="Events"
        document={EventsDocument}
        variables={{ filter: eventFilter(filter.terms), first: PAGE_SIZE }}
        action={mayPublish && { name: 'Publish an event', run: () => setPublishing(true) }}
        live={<LiveButton live={live} onChange={setLive} />}
      >
        <SavedViews list="events" text={text} onChange={(q) => set({ q })} />
        <FrozenLink terms={filter.terms} />
      </Head>
      <FilterBar
        text={text}
        filter={filter}
        keys={KEYS}
        placeholder="type:order.* tag:vip data.job_id=42 since:1h"
        onChange={(q) => set({ q })}
      />
      <Problem error={list.error} what="The events could not be read" onAgain={list.reload} />
      <div className="split" data-open={open !== null}>
        <section className="pane" aria-label="List">
          <EventList
            list={list}
            cursor={cursor}
            open={open}
            empty={filter.terms.length > 0 ? 'No event matches.' : 'No event was published yet.'}
            onChoose={(id) => {
              setCursor(id);
              // Without room beside the list, the event opens on its own page.
              if (matchMedia(NARROW).matches) navigate(`/events/${id}`);
              else set({ open: id });
            }}
            onGoOn={(until) => set({ q: print(untilThen(filter.terms, until)) })}
          />
        </section>
        {open && (
          <aside className="pane preview" aria-label="Preview">
            <EventPreview key={open} id={open} onClose={() => set({ open: null })} />
          </aside>
        )}
      </div>
      {publishing && <PublishDialog onClose={() => setPublishing(false)} />}
    </div>
  );
}

interface ListProps {
  list: ReturnType<typeof usePages<EventsQuery, EventsQueryVariables, EventRowFragment>>;
  cursor: string | null;
  open: string | null;
  empty: string;
  onChoose(id: string): void;
  onGoOn(until: string): void;
}

function EventList({ list, cursor, open, empty, onChoose, onGoOn }: ListProps) {
  const { held, setAtTop, setPointed, release } = useHolding(list.hold);
  const rows = list.rows ?? [];
  return (
    <>
      <PausedButton
        unseen={held ? list.unseen : 0}
        onResume={() => {
          release();
          document.querySelector('.rows')?.scrollTo({ top: 0 });
        }}
      />
      <RowGrid
        label="Events, newest first"
        className="of-events"
        columns={COLUMNS}
        rows={rows}
        cursor={cursor}
        loading={list.loading}
        onTop={setAtTop}
        onPointed={setPointed}
        textsOf={textsOf}
        draw={(row, index, style) => (
          <EventListRow
            key={row.id}
            row={row}
            index={index}
            current={row.id === cursor}
            open={row.id === open}
            style={style}
            onChoose={onChoose}
          />
        )}
        foot={
          <ListFoot
            noun="events"
            empty={empty}
            list={list}
            onGoOn={() => {
              const last = rows.at(-1);
              if (last) onGoOn(last.createdAt);
            }}
          />
        }
      />
    </>
  );
}

function textsOf({ type, tags, deliveries }: EventRowFragment): string[] {
  return [type, tags.join(', '), deliveries ? fanOut(deliveries).text : ''];
}
