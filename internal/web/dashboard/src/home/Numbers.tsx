import type { HomeValuesFragment } from '../gql/graphql';
import { duration, percent } from '../ui/time';

interface Props {
  now: HomeValuesFragment;
  /** The number of the previous range; undefined if unknown. */
  before: HomeValuesFragment | undefined;
}

/** The four key numbers, with their change from the previous range. */
export function Numbers({ now, before }: Props) {
  const count = (value: number) => value.toLocaleString();
  return (
    <dl className="numbers">
      <Figure name="Published" now={now.events} before={before?.events} format={count} />
      <Figure name="Delivered" now={now.succeeded} before={before?.succeeded} format={count} />
      <Figure
        name="Attempts that succeeded"
        now={now.successRate}
        before={before?.successRate}
        format={percent}
        points
      />
      <Figure name="95 % arrive within" now={now.p95} before={before?.p95} format={duration} />
    </dl>
  );
}

interface FigureProps {
  name: string;
  now: number | null | undefined;
  before: number | null | undefined;
  format(value: number): string;
  /** The change of a share is its difference, not its ratio. */
  points?: boolean;
}

function Figure({ name, now, before, format, points }: FigureProps) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <b>{now == null ? '–' : format(now)}</b>
        {now != null && before != null && before !== 0 && (
          <span className="soft">
            {' '}
            {points ? signed(100 * (now - before), ' points') : signed((100 * (now - before)) / before, ' %')}
          </span>
        )}
      </dd>
    </div>
  );
}

function signed(value: number, unit: string): string {
  const rounded = Math.abs(value) < 10 ? Math.round(value * 10) / 10 : Math.round(value);
  if (rounded === 0) return `±0${unit}`;
  return `${rounded < 0 ? '−' : '+'}${Math.abs(rounded).toLocaleString()}${unit}`;
}
