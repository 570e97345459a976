import type { ReactNode } from 'react';
import { RowGrid } from '../ui/RowGrid';
import { nameOf } from '../ui/Status';
import { DeliveryListRow } from './DeliveryListRow';
import type { Row } from './feed';

interface Props {
  rows: readonly Row[];
  /** The row selected by the keyboard. */
  cursor: string | null;
  /** The row whose preview is shown. */
  open: string | null;
  selected: ReadonlySet<string>;
  loading: boolean;
  /** Shown after the last row. */
  foot: ReactNode;
  /** Whether the list is scrolled to its top. */
  onTop(atTop: boolean): void;
  /** Whether the pointer is on the rows, which must not move then. */
  onPointed(pointed: boolean): void;
  onToggle(id: string): void;
  onChoose(id: string): void;
}

const COLUMNS = ['', 'Status', 'Event type', 'Webhook', 'Attempts', 'Last result', 'Created'];

/** The deliveries, newest first. */
export function DeliveryList(props: Props) {
  return (
    <RowGrid
      label="Deliveries, newest first"
      className="of-deliveries"
      columns={COLUMNS}
      selectable
      rows={props.rows}
      cursor={props.cursor}
      loading={props.loading}
      foot={props.foot}
      onTop={props.onTop}
      onPointed={props.onPointed}
      textsOf={textsOf}
      draw={(row, index, style) => (
        <DeliveryListRow
          key={row.id}
          row={row}
          index={index}
          current={row.id === props.cursor}
          open={row.id === props.open}
          selected={props.selected.has(row.id)}
          style={style}
          onToggle={props.onToggle}
          onChoose={props.onChoose}
        />
      )}
    />
  );
}

function textsOf({ status, event, id, webhookUrl, lastAttempt }: Row): string[] {
  const result = lastAttempt?.response?.status ?? lastAttempt?.error ?? '';
  return [nameOf(status), event?.type ?? id, webhookUrl, String(result)];
}
