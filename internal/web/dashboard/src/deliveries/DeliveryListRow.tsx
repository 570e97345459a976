import { type CSSProperties, memo } from 'react';
import { Link } from 'wouter';
import { Status } from '../ui/Status';
import { Time } from '../ui/Time';
import { duration } from '../ui/time';
import { Visible } from '../ui/Visible';
import type { Row } from './feed';

interface Props {
  row: Row;
  index: number;
  current: boolean;
  open: boolean;
  selected: boolean;
  style: CSSProperties;
  onToggle(id: string): void;
  onChoose(id: string): void;
}

/** One delivery in the list. A click shows its preview; its event type is a link to its page. */
export const DeliveryListRow = memo(function DeliveryListRow(props: Props) {
  const { row } = props;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: j, k and Enter do this by the keyboard
    <div
      role="row"
      id={`row-${row.id}`}
      aria-rowindex={props.index + 2}
      aria-selected={props.selected}
      className="row"
      data-current={props.current}
      data-open={props.open}
      style={props.style}
      onClick={() => props.onChoose(row.id)}
    >
      <span role="gridcell" className="cell-select">
        <input
          type="checkbox"
          tabIndex={-1}
          checked={props.selected}
          aria-label="Select"
          onClick={(event) => event.stopPropagation()}
          onChange={() => props.onToggle(row.id)}
        />
      </span>
      <span role="gridcell" className="cell-status">
        <Status status={row.status} />
      </span>
      <span role="gridcell" className="cell-type" title={row.event?.type}>
        <Link href={`/deliveries/${row.id}`} tabIndex={-1} onClick={(event) => event.stopPropagation()}>
          {row.event?.type ?? row.id}
        </Link>
      </span>
      <span role="gridcell" className="cell-webhook soft" title={row.webhookUrl}>
        <Visible text={row.webhookUrl.replace(/^https?:\/\//, '')} />
      </span>
      <span role="gridcell" className="cell-attempts">
        {row.attemptCount}
      </span>
      <span role="gridcell" className="cell-result">
        <Result row={row} />
      </span>
      <span role="gridcell" className="cell-created soft">
        <Time at={row.createdAt} />
      </span>
    </div>
  );
});

/** The result of the last attempt, and the time of the next. */
export function Result({ row }: { row: Row }) {
  const last = row.lastAttempt;
  return (
    <>
      {last && (
        <span title={last.message ?? undefined}>
          {last.response ? last.response.status : last.error}{' '}
          <span className="soft">{duration(last.durationMs)}</span>
        </span>
      )}
      {row.status === 'PENDING' && row.nextAttemptAt && last && (
        <span className="soft">
          {' · next due '}
          <Time at={row.nextAttemptAt} future />
        </span>
      )}
    </>
  );
}
