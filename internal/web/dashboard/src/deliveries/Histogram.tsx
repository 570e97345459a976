import { type PointerEvent, useState } from 'react';
import { useQuery } from 'urql';
import { DeliveryHistogramDocument, type StatsFilter, type TimeRange } from '../gql/graphql';
import { Bars, HEIGHT, type Series, WIDTH } from '../ui/Chart';
import { useCalm } from '../ui/calm';
import { Problem } from '../ui/Problem';
import { useZone } from '../ui/Time';
import { absolute } from '../ui/time';

interface Props {
  range: TimeRange;
  /** What can be counted of the list's filter; null: everything. */
  filter: StatsFilter | null;
  /** Whether that is all of it. */
  isWhole: boolean;
  /** Changes when there is something new to count. */
  version: unknown;
  onZoom(from: string, to: string): void;
}

/** How often it is counted again at most, while things happen. */
const CALM_MS = 5_000;

/** When deliveries of the range ended. Dragging over it, or choosing a row of its table, narrows the range. */
export function Histogram({ range, filter, isWhole, version, onZoom }: Props) {
  const zone = useZone();
  const [{ data, error }, ask] = useQuery({ query: DeliveryHistogramDocument, variables: { range, filter } });
  useCalm(version, CALM_MS, () => ask({ requestPolicy: 'network-only' }));
  const [dragged, setDragged] = useState<[number, number] | null>(null);
  const buckets = data?.stats?.series ?? [];
  const series: Series[] = [
    { name: 'succeeded', kind: 'good', values: buckets.map(({ values }) => values.succeeded) },
    { name: 'failed', kind: 'bad', values: buckets.map(({ values }) => values.failed) },
    { name: 'canceled', kind: 'other', values: buckets.map(({ values }) => values.canceled) },
  ];
  const step = WIDTH / Math.max(1, buckets.length);
  const [first, last] = dragged ? [Math.min(...dragged), Math.max(...dragged)] : [0, -1];
  const text = (at: string) => absolute(at, zone).replace(/:\d\d\.\d+/, '');

  function bucketAt(event: PointerEvent<SVGSVGElement>): number {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    const at = Math.floor(((event.clientX - left) / width) * buckets.length);
    return Math.max(0, Math.min(buckets.length - 1, at));
  }

  function choose() {
    const from = buckets[first];
    const to = buckets[last];
    if (from && to) onZoom(from.from, to.to);
    setDragged(null);
  }

  return (
    <figure className="histogram" aria-label="When deliveries ended">
      <Problem error={error} what="The histogram could not be read" />
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        aria-hidden="true"
        onPointerDown={(event) => {
          if (buckets.length === 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          setDragged([bucketAt(event), bucketAt(event)]);
        }}
        onPointerMove={(event) => dragged && setDragged([dragged[0], bucketAt(event)])}
        onPointerUp={choose}
        onPointerCancel={() => setDragged(null)}
      >
        <rect className="ground" width={WIDTH} height={HEIGHT} />
        <Bars series={series} times={buckets.map(({ from }) => from)} />
        {dragged && (
          <rect className="dragged" x={first * step} width={(last - first + 1) * step} height={HEIGHT} />
        )}
      </svg>
      <details>
        <summary>
          {dragged && buckets[first] && buckets[last]
            ? `${text(buckets[first].from)} to ${text(buckets[last].to)}`
            : `Deliveries that ended${isWhole ? '' : ', whatever else the filter says'}, as a table`}
        </summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
        <section className="table short" tabIndex={0} aria-label="When deliveries ended">
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
              {buckets.map((bucket, i) => (
                <tr key={bucket.from}>
                  <td>
                    <button type="button" className="quiet" onClick={() => onZoom(bucket.from, bucket.to)}>
                      {text(bucket.from)}
                    </button>
                  </td>
                  {series.map(({ kind, values }) => (
                    <td key={kind}>{(values[i] ?? 0).toLocaleString()}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </details>
    </figure>
  );
}
