import { useMemo, useState } from 'react';
import { useLocation } from 'wouter';
import { FilterBar } from '../filter/FilterBar';
import { FrozenLink } from '../filter/FrozenLink';
import { SavedViews } from '../filter/SavedViews';
import { parse, print, untilThen } from '../filter/words';
import { useScope } from '../frame/viewer';
import { EventsDocument } from '../gql/graphql';
import { useAddress } from '../ui/address';
import { useCursor } from '../ui/cursor';
import { Head } from '../ui/Head';
import { ListFoot } from '../ui/ListFoot';
import { NARROW } from '../ui/media';
import { Problem } from '../ui/Problem';
import { RowGrid } from '../ui/RowGrid';
import { useShortcut } from '../ui/shortcuts';
import { useTitle } from '../ui/title';
import { EventListRow } from './EventListRow';
import { EventPreview } from './EventPreview';
import { eventFilter, KEYS } from './filter';
import { PublishDialog } from './PublishDialog';
import { PAGE_SIZE, useEvents } from './useEvents';

const COLUMNS = ['Event type', 'Tags', 'Where it went', 'Published'];

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

  const list = useEvents(filter.terms);
  const [cursor, setCursor] = useCursor(list.rows, 'event', (id) => open && set({ open: id }, true));
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
        onReload={list.reload}
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
  list: ReturnType<typeof useEvents>;
  cursor: string | null;
  open: string | null;
  empty: string;
  onChoose(id: string): void;
  onGoOn(until: string): void;
}

function EventList({ list, cursor, open, empty, onChoose, onGoOn }: ListProps) {
  return (
    <RowGrid
      label="Events, newest first"
      className="of-events"
      columns={COLUMNS}
      rows={list.rows}
      cursor={cursor}
      loading={list.loading}
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
          rows={list.rows}
          next={list.next}
          searchedTo={list.searchedTo}
          loading={list.loading}
          failed={list.error !== undefined}
          onMore={list.more}
          onGoOn={onGoOn}
        />
      }
    />
  );
}
