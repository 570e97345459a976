import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useRef } from 'react';
import { NARROW, useMedia } from '../ui/media';
import { DeliveryListRow } from './DeliveryListRow';
import type { Row } from './feed';

interface Props {
  rows: readonly Row[];
  /** The row that the keys move. */
  cursor: string | null;
  /** The row whose preview is shown. */
  open: string | null;
  selected: ReadonlySet<string>;
  loading: boolean;
  /** What comes after the last row. */
  foot: ReactNode;
  /** Whether the list is scrolled to its top. */
  onTop(atTop: boolean): void;
  /** Whether the pointer is on the rows, which then must not move. */
  onPointed(pointed: boolean): void;
  onToggle(id: string): void;
  onChoose(id: string): void;
}

const COLUMNS = ['', 'Status', 'Event type', 'Webhook', 'Attempts', 'Last result', 'Created'];

/** The rows, of which only those that can be seen are drawn. */
export function DeliveryList(props: Props) {
  const { rows, cursor } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const height = useMedia(NARROW) ? 64 : 40;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 8,
  });
  // The sizes follow from height alone.
  useEffect(() => virtual.measure(), [height]);

  const at = rows.findIndex(({ id }) => id === cursor);
  // It follows the cursor, not what comes in.
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at);
  }, [cursor]);

  return (
    <div ref={scroller} className="rows" onScroll={(event) => props.onTop(event.currentTarget.scrollTop < 4)}>
      <div
        role="grid"
        aria-label="Deliveries, newest first"
        aria-rowcount={rows.length + 1}
        aria-multiselectable="true"
        aria-activedescendant={at >= 0 ? `row-${cursor}` : undefined}
        aria-busy={props.loading}
        tabIndex={0}
        className="grid"
      >
        <div role="row" aria-rowindex={1} className="row heading">
          {COLUMNS.map((column) => (
            <span role="columnheader" key={column}>
              {column || <span className="unseen">Selected</span>}
            </span>
          ))}
        </div>
        <div
          role="rowgroup"
          style={{ height: virtual.getTotalSize(), position: 'relative' }}
          onPointerEnter={(event) => event.pointerType === 'mouse' && props.onPointed(true)}
          onPointerLeave={() => props.onPointed(false)}
        >
          {virtual.getVirtualItems().map(({ index, key, start, size }) => {
            const row = rows[index];
            return (
              row && (
                <DeliveryListRow
                  key={key}
                  row={row}
                  index={index}
                  current={row.id === cursor}
                  open={row.id === props.open}
                  selected={props.selected.has(row.id)}
                  style={{ height: size, transform: `translateY(${start}px)` }}
                  onToggle={props.onToggle}
                  onChoose={props.onChoose}
                />
              )
            );
          })}
        </div>
      </div>
      {props.foot}
    </div>
  );
}
