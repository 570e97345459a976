import { type PointerEvent, useState } from 'react';
import { useCounted } from '../api/useLive';
import { DeliveryHistogramDocument, type StatsFilter, type TimeRange } from '../gql/graphql';
import { Bars, BucketTable, HEIGHT, type Series, WIDTH } from '../ui/Chart';
import { Problem } from '../ui/Problem';
import { useZone } from '../ui/Time';
import { absolute } from '../ui/time';

interface Props {
  range: TimeRange;
  /** The part of the list's filter that statistics support; null: no filter. */
  filter: StatsFilter | null;
  /** Whether that is the whole filter. */
  isWhole: boolean;
  /** The number of changes so far; when it grows, the counts are stale. */
  version: number;
  onZoom(from: string, to: string): void;
}

/** The minimum time between two counts while deliveries change. */
const CALM_MS = 5_000;

/** When the deliveries of the range were completed. Dragging over it, or choosing a row of its table, narrows the range. */
export function Histogram({ range, filter, isWhole, version, onZoom }: Props) {
  const zone = useZone();
  const { data, error } = useCounted(DeliveryHistogramDocument, { range, filter }, version, CALM_MS);
  const buckets = data?.stats?.series ?? [];
  const times = buckets.map(({ from }) => from);
  const series: Series[] = [
    { name: 'succeeded', kind: 'good', values: buckets.map(({ values }) => values.succeeded) },
    { name: 'failed', kind: 'bad', values: buckets.map(({ values }) => values.failed) },
    { name: 'canceled', kind: 'other', values: buckets.map(({ values }) => values.canceled) },
  ];
  const text = (at: string) => absolute(at, zone).replace(/:\d\d\.\d+/, '');
  const { first, last, handlers } = useDrag(buckets.length, (first, last) => zoom(first, last));
  const step = WIDTH / Math.max(1, buckets.length);
  const [from, to] = [buckets[first], buckets[last]];

  function zoom(first: number, last: number) {
    const [from, to] = [buckets[first], buckets[last]];
    if (from && to) onZoom(from.from, to.to);
  }

  return (
    <figure className="histogram" aria-label="When deliveries ended">
      <Problem error={error} what="The histogram could not be read" />
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true" {...handlers}>
        <rect className="ground" width={WIDTH} height={HEIGHT} />
        <Bars series={series} times={times} />
        {from && to && (
          <rect className="dragged" x={first * step} width={(last - first + 1) * step} height={HEIGHT} />
        )}
      </svg>
      <details>
        <summary>
          {from && to
            ? `${text(from.from)} to ${text(to.to)}`
            : `Deliveries that ended${isWhole ? '' : ', whatever else the filter says'}, as a table`}
        </summary>
        <BucketTable
          label="When deliveries ended"
          series={series}
          times={times}
          format={(value) => value.toLocaleString()}
          head={(at, i) => (
            <button type="button" className="quiet" onClick={() => zoom(i, i)}>
              {text(at)}
            </button>
          )}
        />
      </details>
    </figure>
  );
}

/** The buckets being selected by dragging; chosen is called with them at the end. -1: none. */
function useDrag(count: number, chosen: (first: number, last: number) => void) {
  const [dragged, setDragged] = useState<[number, number] | null>(null);
  const [first, last] = dragged ? [Math.min(...dragged), Math.max(...dragged)] : [-1, -1];

  function bucketAt(event: PointerEvent<SVGSVGElement>): number {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    const at = Math.floor(((event.clientX - left) / width) * count);
    return Math.max(0, Math.min(count - 1, at));
  }

  return {
    first,
    last,
    handlers: {
      onPointerDown(event: PointerEvent<SVGSVGElement>) {
        if (count === 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        setDragged([bucketAt(event), bucketAt(event)]);
      },
      onPointerMove: (event: PointerEvent<SVGSVGElement>) =>
        dragged && setDragged([dragged[0], bucketAt(event)]),
      onPointerUp() {
        if (dragged) chosen(first, last);
        setDragged(null);
      },
      onPointerCancel: () => setDragged(null),
    },
  };
}
