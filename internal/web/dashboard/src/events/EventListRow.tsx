import type { CSSProperties } from 'react';
import { Link } from 'wouter';
import type { EventRowFragment } from '../gql/graphql';
import { Time } from '../ui/Time';
import { Visible } from '../ui/Visible';
import { FanOutText } from './FanOutText';

interface Props {
  row: EventRowFragment;
  index: number;
  current: boolean;
  open: boolean;
  style: CSSProperties;
  onChoose(id: string): void;
}

/** One event in the list. A click shows its preview; its type is a link to its page. */
export function EventListRow({ row, index, current, open, style, onChoose }: Props) {
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: j, k, o and Enter do this by the keyboard
    <div
      role="row"
      id={`row-${row.id}`}
      aria-rowindex={index + 2}
      className="row"
      data-current={current}
      data-open={open}
      style={style}
      onClick={() => onChoose(row.id)}
    >
      <span role="gridcell" className="cell-type" title={row.type}>
        <Link href={`/events/${row.id}`} tabIndex={-1} onClick={(event) => event.stopPropagation()}>
          {row.type}
        </Link>
      </span>
      <span role="gridcell" className="cell-tags soft" title={row.tags.join(', ')}>
        {row.tags.map((tag, i) => (
          <span key={tag}>
            {i > 0 && ', '}
            <Visible text={tag} />
          </span>
        ))}
      </span>
      <span role="gridcell" className="cell-went">
        <FanOutText deliveries={row.deliveries} />
      </span>
      <span role="gridcell" className="cell-created soft">
        <Time at={row.createdAt} />
      </span>
    </div>
  );
}
