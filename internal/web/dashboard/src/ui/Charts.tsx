import type { ChartBucketFragment } from '../gql/graphql';
import { backlogOver } from './backlog';
import { Chart } from './Chart';
import { useZone } from './Time';
import { absolute, duration } from './time';

interface Props {
  buckets: readonly ChartBucketFragment[];
  backlog: { due: number; held: number };
}

/** The outcomes of deliveries over time, their latency, and the backlog. */
export function Charts({ buckets, backlog }: Props) {
  const zone = useZone();
  const times = buckets.map(({ from }) => from);
  const of = (value: (values: ChartBucketFragment['values']) => number | null | undefined) =>
    buckets.map(({ values }) => value(values) ?? null);
  const shared = {
    times,
    time: (at: string) => absolute(at, zone).replace(/:\d\d\.\d+/, ''),
  };
  const count = (value: number) => value.toLocaleString();
  return (
    <div className="columns charts">
      <Chart
        {...shared}
        title="Deliveries that ended"
        form="bars"
        format={count}
        series={[
          { name: 'succeeded', kind: 'good', values: of(({ succeeded }) => succeeded) },
          { name: 'failed', kind: 'bad', values: of(({ failed }) => failed) },
          { name: 'canceled', kind: 'other', values: of(({ canceled }) => canceled) },
        ]}
      />
      <Chart
        {...shared}
        title="From publishing to success"
        form="lines"
        format={duration}
        series={[
          { name: 'half', kind: 'p50', values: of(({ p50 }) => p50) },
          { name: '95 %', kind: 'p95', values: of(({ p95 }) => p95) },
          { name: '99 %', kind: 'p99', values: of(({ p99 }) => p99) },
        ]}
      />
      <Chart
        {...shared}
        title="Deliveries that waited"
        form="lines"
        format={count}
        series={[
          { name: 'pending or held', kind: 'p99', values: backlogOver(buckets, backlog.due + backlog.held) },
        ]}
      />
    </div>
  );
}
