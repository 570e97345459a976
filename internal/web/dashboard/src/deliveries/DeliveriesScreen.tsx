import { useMemo, useState } from 'react';
import { useLocation } from 'wouter';
import { DeliveryPreview } from '../delivery/DeliveryPreview';
import { FilterBar } from '../filter/FilterBar';
import { FrozenLink } from '../filter/FrozenLink';
import { SavedViews } from '../filter/SavedViews';
import { type Filter, parse, print, timeRange, untilThen, withRange } from '../filter/words';
import { useScope } from '../frame/viewer';
import { DeliveriesDocument } from '../gql/graphql';
import { useAddress } from '../ui/address';
import { useCursor } from '../ui/cursor';
import { GraphiqlLink } from '../ui/GraphiqlLink';
import { ListFoot } from '../ui/ListFoot';
import { LiveButton } from '../ui/LiveButton';
import { NARROW } from '../ui/media';
import { PausedButton } from '../ui/PausedButton';
import { Problem } from '../ui/Problem';
import { useShortcut } from '../ui/shortcuts';
import { useTitle } from '../ui/title';
import { CancelDialog } from './CancelDialog';
import { Counters } from './Counters';
import { DeliveryList } from './DeliveryList';
import { deliveryFilter, isCountable, KEYS, statsFilter } from './filter';
import { Histogram } from './Histogram';
import { SelectionBar } from './SelectionBar';
import { useActions } from './useActions';
import { useFacets } from './useFacets';
import { useLiveFeed } from './useLiveFeed';
import { useSelection } from './useSelection';

/** The live list of deliveries. Filter and preview are in the address. */
export function DeliveriesScreen() {
  const [params, set] = useAddress();
  const text = params.get('q') ?? '';
  const open = params.get('open');
  const filter = useMemo(() => parse(text, KEYS), [text]);
  useTitle(text ? `Deliveries ${text}` : 'Deliveries');
  const feed = useLiveFeed(filter.terms);
  const { retry, cancel, report } = useActions(feed.list.replace);
  const [cancelling, setCancelling] = useState<string[] | null>(null);
  const narrow = (q: string) => set({ q });

  return (
    <div className="screen">
      <Heading text={text} filter={filter} feed={feed} onChange={narrow} />
      <Narrowing text={text} filter={filter} feed={feed} onChange={narrow} />
      <p role="status" className="notice" hidden={!feed.list.notice && !report}>
        {report || feed.list.notice}
      </p>
      <Problem error={feed.list.error} what="The deliveries could not be read" onAgain={feed.list.reload} />
      <div className="split" data-open={open !== null}>
        <List
          filter={filter}
          feed={feed}
          open={open}
          onOpen={(id, replace) => set({ open: id }, replace)}
          onNarrow={narrow}
          onRetry={(ids) => void retry(ids)}
          onCancel={setCancelling}
        />
        {open && (
          <aside className="pane preview" aria-label="Preview">
            <DeliveryPreview id={open} onClose={() => set({ open: null })} onChanged={feed.list.replace} />
          </aside>
        )}
      </div>
      {cancelling && (
        <CancelDialog
          count={cancelling.length}
          onClose={() => setCancelling(null)}
          onConfirm={() => void cancel(cancelling)}
        />
      )}
    </div>
  );
}

type Feed = ReturnType<typeof useLiveFeed>;

interface NarrowingProps {
  text: string;
  filter: Filter;
  feed: Feed;
  onChange(text: string): void;
}

function Heading({ text, filter, feed, onChange }: NarrowingProps) {
  const { live, setLive, list } = feed;
  return (
    <div className="head">
      <h1>Deliveries</h1>
      <LiveButton live={live} onChange={setLive} />
      {live && <Counters list={list} />}
      <div className="head-end">
        <SavedViews list="deliveries" text={text} onChange={onChange} />
        <FrozenLink terms={filter.terms} />
        <GraphiqlLink
          document={DeliveriesDocument}
          variables={{ filter: deliveryFilter(filter.terms), first: 100 }}
        />
      </div>
    </div>
  );
}

/** The filter of the list: words, suggestions from the facets, and the histogram. */
function Narrowing({ text, filter: { terms, problems }, feed, onChange }: NarrowingProps) {
  const { version } = feed.list.counters;
  const suggestions = useFacets(terms, version);
  return (
    <>
      <FilterBar
        text={text}
        filter={{ terms, problems }}
        keys={KEYS}
        placeholder="status:failed type:order.* since:1h"
        suggestions={suggestions}
        onChange={onChange}
      />
      <Histogram
        range={timeRange(terms) ?? { from: '-PT24H' }}
        filter={statsFilter(terms)}
        isWhole={isCountable(terms)}
        version={version}
        onZoom={(from, to) => onChange(print(withRange(terms, from, to)))}
      />
    </>
  );
}

interface ListProps {
  filter: Filter;
  feed: Feed;
  open: string | null;
  onOpen(id: string | null, replace?: boolean): void;
  onNarrow(text: string): void;
  onRetry(ids: string[]): void;
  onCancel(ids: string[]): void;
}

function List({ filter, feed, open, onOpen, onNarrow, onRetry, onCancel }: ListProps) {
  const [, navigate] = useLocation();
  const mayWrite = useScope('DELIVERIES_WRITE');
  const { list, unseen, resume } = feed;
  const { rows, next, searchedTo } = list.feed;
  const { selected, toggle, all, clear } = useSelection();
  const [cursor, setCursor] = useCursor(rows, 'delivery', (id) => open && onOpen(id, true));
  const chosen = selected.size > 0 ? [...selected] : cursor ? [cursor] : [];

  useShortcut('Enter', 'Open the delivery', () => cursor && navigate(`/deliveries/${cursor}`));
  useShortcut('o', 'Show or hide the preview', () => cursor && onOpen(open === cursor ? null : cursor));
  useShortcut('x', 'Select the delivery', () => cursor && toggle(cursor));
  useShortcut('a', 'Select all that are shown, or none', () => all(rows.map(({ id }) => id)));
  useShortcut('r', 'Retry', () => mayWrite && onRetry(chosen));
  useShortcut('c', 'Cancel', () => mayWrite && chosen.length > 0 && onCancel(chosen));
  useShortcut('Escape', 'Close the preview, select nothing', () => {
    clear();
    onOpen(null);
  });

  return (
    <section className="pane" aria-label="List">
      {selected.size > 0 && (
        <SelectionBar
          count={selected.size}
          filter={filter}
          // More deliveries may match than are shown.
          isMore={selected.size === rows.length && next !== null}
          onRetry={() => onRetry(chosen)}
          onCancel={() => onCancel(chosen)}
          onClear={clear}
        />
      )}
      <PausedButton unseen={unseen} onResume={resume} />
      <DeliveryList
        rows={rows}
        cursor={cursor}
        open={open}
        selected={selected}
        loading={list.loading}
        onTop={feed.setAtTop}
        onPointed={feed.setPointed}
        onToggle={toggle}
        onChoose={(id) => {
          setCursor(id);
          // Without room beside the list, the delivery opens on its own page.
          if (matchMedia(NARROW).matches) navigate(`/deliveries/${id}`);
          else onOpen(id);
        }}
        foot={
          <ListFoot
            noun="deliveries"
            empty="No delivery matches. What happens from now on comes in by itself."
            list={{ ...list, rows, next, searchedTo }}
            onGoOn={() => {
              const last = rows.at(-1);
              if (last) onNarrow(print(untilThen(filter.terms, last.createdAt)));
            }}
          />
        }
      />
    </section>
  );
}
