import { useEffect, useMemo, useState } from 'react';
import { useLocation } from 'wouter';
import { DeliveryPreview } from '../delivery/DeliveryPreview';
import { FilterBar } from '../filter/FilterBar';
import { FrozenLink } from '../filter/FrozenLink';
import { parse, print, untilThen } from '../filter/words';
import { useScope } from '../frame/viewer';
import { DeliveriesDocument } from '../gql/graphql';
import { useAddress } from '../ui/address';
import { useCursor } from '../ui/cursor';
import { GraphiqlLink } from '../ui/GraphiqlLink';
import { ListFoot } from '../ui/ListFoot';
import { NARROW } from '../ui/media';
import { Problem } from '../ui/Problem';
import { useShortcut } from '../ui/shortcuts';
import { useTitle } from '../ui/title';
import { CancelDialog } from './CancelDialog';
import { DeliveryList } from './DeliveryList';
import { MAX_RATE } from './feed';
import { deliveryFilter, KEYS } from './filter';
import { useActions } from './useActions';
import { type LiveFeed, useFeed } from './useFeed';

/** The live list of deliveries. Filter and preview are in the address. */
export function DeliveriesScreen() {
  const [params, set] = useAddress();
  const [, navigate] = useLocation();
  const text = params.get('q') ?? '';
  const filter = useMemo(() => parse(text, KEYS), [text]);
  const open = params.get('open');
  const mayWrite = useScope('DELIVERIES_WRITE');
  useTitle(text ? `Deliveries ${text}` : 'Deliveries');

  const [live, setLive] = useState(true);
  const [atTop, setAtTop] = useState(true);
  const [pointed, setPointed] = useState(false);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [cancelling, setCancelling] = useState<string[] | null>(null);
  const paused = !atTop || pointed;
  const list = useFeed({ terms: filter.terms, live, paused });
  const { feed } = list;
  const [cursor, setCursor] = useCursor(feed.rows, 'delivery', (id) => open && set({ open: id }, true));
  const { retry, cancel, report } = useActions(list.replace);

  // What waited comes in as soon as nothing holds it back.
  const { resume } = list;
  useEffect(() => {
    if (!paused) resume();
  }, [paused]);

  const chosen = selected.size > 0 ? [...selected] : cursor ? [cursor] : [];
  function toggle(id: string) {
    setSelected((selected) => {
      const next = new Set(selected);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  }

  useShortcut('Enter', 'Open the delivery', () => cursor && navigate(`/deliveries/${cursor}`));
  useShortcut(
    'o',
    'Show or hide the preview',
    () => cursor && set({ open: open === cursor ? null : cursor }),
  );
  useShortcut('x', 'Select the delivery', () => cursor && toggle(cursor));
  useShortcut('a', 'Select all that are shown, or none', () =>
    setSelected((selected) => new Set(selected.size > 0 ? [] : feed.rows.map(({ id }) => id))),
  );
  useShortcut('r', 'Retry', () => mayWrite && void retry(chosen));
  useShortcut('c', 'Cancel', () => mayWrite && chosen.length > 0 && setCancelling(chosen));
  useShortcut('l', 'Live updates on or off', () => setLive(!live));
  useShortcut('Escape', 'Close the preview, select nothing', () => {
    setSelected(new Set());
    set({ open: null });
  });

  return (
    <div className="screen">
      <div className="head">
        <h1>Deliveries</h1>
        <button
          type="button"
          className="live"
          aria-pressed={live}
          onClick={() => setLive(!live)}
          title="Live updates (l)"
        >
          <span aria-hidden="true" className="dot" /> {live ? 'Live' : 'Not live'}
        </button>
        <Counters list={list} live={live} />
        <div className="head-end">
          <FrozenLink terms={filter.terms} />
          <GraphiqlLink
            document={DeliveriesDocument}
            variables={{ filter: deliveryFilter(filter.terms), first: 100 }}
          />
        </div>
      </div>
      <FilterBar
        text={text}
        filter={filter}
        keys={KEYS}
        placeholder="status:failed type:order.* since:1h"
        onChange={(q) => set({ q })}
      />
      <p role="status" className="notice" hidden={!list.notice && !report}>
        {report || list.notice}
      </p>
      <Problem error={list.error} what="The deliveries could not be read" onAgain={list.reload} />

      <div className="split" data-open={open !== null}>
        <section className="pane" aria-label="List">
          {selected.size > 0 && (
            <div className="bulk" role="toolbar" aria-label="Selected deliveries">
              <b>{selected.size} selected</b>
              {mayWrite && (
                <>
                  <button type="button" onClick={() => void retry(chosen)}>
                    Retry
                  </button>
                  <button type="button" onClick={() => setCancelling(chosen)}>
                    Cancel…
                  </button>
                </>
              )}
              <button type="button" className="quiet" onClick={() => setSelected(new Set())}>
                Select none
              </button>
            </div>
          )}
          {live && paused && feed.unseen > 0 && (
            <button
              type="button"
              className="paused"
              onClick={() => {
                setPointed(false);
                setAtTop(true);
                list.resume();
                scrollToTop();
              }}
            >
              Paused, {feed.unseen.toLocaleString()} new. <b>Resume</b>
            </button>
          )}
          <DeliveryList
            rows={feed.rows}
            cursor={cursor}
            open={open}
            selected={selected}
            loading={list.loading}
            onTop={setAtTop}
            onPointed={setPointed}
            onToggle={toggle}
            onChoose={(id) => {
              setCursor(id);
              // Where there is no room beside the list, the delivery has a page.
              if (matchMedia(NARROW).matches) navigate(`/deliveries/${id}`);
              else set({ open: id });
            }}
            foot={
              <ListFoot
                noun="deliveries"
                empty="No delivery matches. What happens from now on comes in by itself."
                rows={feed.rows}
                next={feed.next}
                searchedTo={feed.searchedTo}
                loading={list.loading}
                failed={list.error !== undefined}
                onMore={list.more}
                onGoOn={(until) => set({ q: print(untilThen(filter.terms, until)) })}
              />
            }
          />
        </section>
        {open && (
          <aside className="pane preview" aria-label="Preview">
            <DeliveryPreview id={open} onClose={() => set({ open: null })} onChanged={list.replace} />
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

function scrollToTop() {
  document.querySelector('.rows')?.scrollTo({ top: 0 });
}

function Counters({ list, live }: { list: LiveFeed; live: boolean }) {
  const { counters, feed } = list;
  if (!live || counters.succeeded + counters.failed === 0) return null;
  return (
    <span className="counters" title="All attempts since ten seconds before this list was opened">
      <span>
        <b>{counters.rate.toLocaleString()}</b> attempts/s
      </span>
      <span>
        <b>{counters.succeeded.toLocaleString()}</b> succeeded
      </span>
      <span>
        <b>{counters.failed.toLocaleString()}</b> failed
      </span>
      {feed.leftOut > 0 && (
        <span title={`At more than ${MAX_RATE} a second the list shows some of them; the numbers count all.`}>
          a sample: {feed.leftOut.toLocaleString()} not listed{' '}
          <button type="button" className="quiet" onClick={list.reload}>
            Reload
          </button>
        </span>
      )}
    </span>
  );
}
