import { useVirtualizer } from '@tanstack/react-virtual';
import {
  type CSSProperties,
  type ReactNode,
  type RefObject,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from 'react';
import { UnseenRows } from './UnseenRows';

interface Props<Row> {
  label: string;
  /** The names of the columns; "" for the column of checkboxes. */
  columns: readonly string[];
  /** The CSS class of the rows, which sets the widths of the columns. */
  className?: string;
  rows: readonly Row[];
  /** The row selected by the keyboard. */
  cursor: string | null;
  loading: boolean;
  selectable?: boolean;
  /** Shown after the last row. */
  foot: ReactNode;
  /** Whether the list is scrolled to its top. */
  onTop?(atTop: boolean): void;
  /** Whether the pointer is on the rows, which must not move then. */
  onPointed?(pointed: boolean): void;
  draw(row: Row, index: number, style: CSSProperties): ReactNode;
  /** The texts of a row's cells, for the browser's search. It must be stable between renders. */
  textsOf(row: Row): readonly string[];
}

/** Rows of a list. Only visible ones are rendered; the browser's search finds the others, too. */
export function RowGrid<Row extends { id: string }>(props: Props<Row>) {
  const { rows, cursor, className = '' } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const isNarrow = useIsNarrow(scroller);
  const height = isNarrow ? 72 : 40;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 8,
    // The rows begin below the heading.
    scrollPaddingEnd: isNarrow ? 0 : HEADING,
  });
  // The sizes follow from height alone.
  useEffect(() => virtual.measure(), [height]);

  const at = rows.findIndex(({ id }) => id === cursor);
  // It follows the keyboard cursor, not new rows.
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at);
  }, [cursor]);

  return (
    <div
      ref={scroller}
      className={`rows ${className}`}
      onScroll={(event) => props.onTop?.(event.currentTarget.scrollTop < 4)}
    >
      <div
        role="grid"
        aria-label={props.label}
        aria-rowcount={rows.length + 1}
        aria-multiselectable={props.selectable}
        aria-activedescendant={at >= 0 ? `row-${cursor}` : undefined}
        aria-busy={props.loading}
        tabIndex={0}
        className="grid"
      >
        <div role="row" aria-rowindex={1} className="row heading">
          {props.columns.map((column) => (
            <span role="columnheader" key={column}>
              {column || <span className="unseen">Selected</span>}
            </span>
          ))}
        </div>
        <div
          role="rowgroup"
          style={{ height: virtual.getTotalSize(), position: 'relative' }}
          onPointerEnter={(event) => event.pointerType === 'mouse' && props.onPointed?.(true)}
          onPointerLeave={() => props.onPointed?.(false)}
        >
          <UnseenRows
            rows={rows}
            height={height}
            seen={new Set(virtual.getVirtualItems().map(({ index }) => index))}
            textsOf={props.textsOf}
          />
          {virtual.getVirtualItems().map(({ index, start, size }) => {
            const row = rows[index];
            return row && props.draw(row, index, { height: size, transform: `translateY(${start}px)` });
          })}
        </div>
      </div>
      {props.foot}
    </div>
  );
}

/** The height of the heading in deliveries.css; it is not shown where rows have two lines. */
const HEADING = 34;

/** Below this width a row has two lines; deliveries.css and events.css say so, too. */
const TWO_LINES = 560;

/** Whether the list is narrow, on a phone or beside a preview. */
function useIsNarrow(scroller: RefObject<HTMLDivElement | null>): boolean {
  const [isNarrow, setNarrow] = useState(false);
  useLayoutEffect(() => {
    const list = scroller.current;
    if (!list) return;
    const look = () => setNarrow(list.clientWidth < TWO_LINES);
    look();
    const observer = new ResizeObserver(look);
    observer.observe(list);
    return () => observer.disconnect();
  }, [scroller]);
  return isNarrow;
}
