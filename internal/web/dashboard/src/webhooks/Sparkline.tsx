import { Bars, HEIGHT, type Series, WIDTH } from '../ui/Chart';

interface Props {
  buckets: readonly { from: string; values: { succeeded: number; failed: number } }[];
}

/** The attempts of the last day, by hour. The numbers beside it are for screen readers. */
export function Sparkline({ buckets }: Props) {
  const series: Series[] = [
    { name: 'succeeded', kind: 'good', values: buckets.map(({ values }) => values.succeeded) },
    { name: 'failed', kind: 'bad', values: buckets.map(({ values }) => values.failed) },
  ];
  return (
    <svg
      className="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <Bars series={series} times={buckets.map(({ from }) => from)} />
    </svg>
  );
}
