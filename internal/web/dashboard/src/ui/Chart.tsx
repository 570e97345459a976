import { type ReactNode, useId } from 'react';

/** One series of a chart: a number for each bucket; null where there is none. */
export interface Series {
  name: string;
  /** The CSS class that colours it. */
  kind: string;
  values: readonly (number | null)[];
}

interface Props {
  title: string;
  /** Bars stand on each other; lines are beside each other. */
  form: 'bars' | 'lines';
  series: readonly Series[];
  /** The start of each bucket. */
  times: readonly string[];
  format(value: number): string;
  /** An instant, as the table shows it. */
  time(at: string): string;
}

/** The size in the chart's own units; it is scaled to the available space. */
export const WIDTH = 600;
export const HEIGHT = 140;

/** The height of the highest bar. */
function highest(series: readonly Series[], times: readonly string[]): number {
  return Math.max(1, ...times.map((_, i) => series.reduce((sum, { values }) => sum + (values[i] ?? 0), 0)));
}

function scale(most: number): (value: number) => number {
  return (value) => HEIGHT - (value / most) * (HEIGHT - 4);
}

/** Series as bars, one for each bucket. */
export function Bars({ series, times }: { series: readonly Series[]; times: readonly string[] }) {
  const step = WIDTH / Math.max(1, times.length);
  const y = scale(highest(series, times));
  return times.map((at, i) => <Bar key={at} x={i * step} width={step} at={i} series={series} y={y} />);
}

/** A small chart of numbers over time. A table has the same numbers, for screen readers and for exact values. */
export function Chart({ title, form, series, times, format, time }: Props) {
  const id = useId();
  const most =
    form === 'bars'
      ? highest(series, times)
      : Math.max(1, ...series.flatMap(({ values }) => values.map((v) => v ?? 0)));
  const step = WIDTH / Math.max(1, times.length);
  const y = scale(most);
  return (
    <figure className="chart" aria-labelledby={id}>
      <figcaption id={id}>
        <b>{title}</b>
        {series.map(({ name, kind }) => (
          <span key={kind}>
            <span className="swatch" data-series={kind} aria-hidden="true" /> {name}
          </span>
        ))}
        <span className="soft">at most {format(most)}</span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        {form === 'bars' ? (
          <Bars series={series} times={times} />
        ) : (
          series.map(({ kind, values }) => <Line key={kind} kind={kind} values={values} step={step} y={y} />)
        )}
      </svg>
      <details>
        <summary>As a table</summary>
        <BucketTable label={title} series={series} times={times} format={format} head={time} />
      </details>
    </figure>
  );
}

interface TableProps {
  label: string;
  series: readonly Series[];
  times: readonly string[];
  format(value: number): string;
  /** The header of a bucket's row. */
  head(at: string, index: number): ReactNode;
}

/** The numbers of a chart, a row for each bucket. */
export function BucketTable({ label, series, times, format, head }: TableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard
    <section className="table short" tabIndex={0} aria-label={label}>
      <table>
        <thead>
          <tr>
            <th scope="col">From</th>
            {series.map(({ name, kind }) => (
              <th scope="col" key={kind}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {times.map((at, i) => (
            <tr key={at}>
              <td>{head(at, i)}</td>
              {series.map(({ kind, values }) => (
                <td key={kind}>{values[i] == null ? '–' : format(values[i])}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface BarProps {
  x: number;
  width: number;
  at: number;
  series: readonly Series[];
  y(value: number): number;
}

function Bar({ x, width, at, series, y }: BarProps) {
  let below = 0;
  return series.map(({ kind, values }) => {
    const value = values[at] ?? 0;
    const from = below;
    below += value;
    return (
      value > 0 && (
        <rect
          key={kind}
          data-series={kind}
          x={x}
          width={width * 0.86}
          y={y(below)}
          height={y(from) - y(below)}
        />
      )
    );
  });
}

interface LineProps extends Pick<Series, 'kind' | 'values'> {
  step: number;
  y(value: number): number;
}

/** A line through the values, with gaps where there are none. A value between two gaps is a dot, which is wider than the line. */
function Line({ kind, values, step, y }: LineProps) {
  let line = '';
  let dots = '';
  let pen = 'M';
  values.forEach((value, i) => {
    if (value === null) {
      pen = 'M';
      return;
    }
    const at = `${((i + 0.5) * step).toFixed(1)} ${y(value).toFixed(1)}`;
    // A line to itself is visible as its round cap.
    if (pen === 'M' && values[i + 1] == null) dots += `M${at}L${at}`;
    else line += `${pen}${at}`;
    pen = 'L';
  });
  return (
    <>
      {line && <path data-series={kind} className="line" d={line} />}
      {dots && <path data-series={kind} className="line dots" d={dots} />}
    </>
  );
}
