import type { DeliveryStatus, FanOutFragment } from '../gql/graphql';

export interface FanOut {
  /** Where an event went, in a few words: 3 of 4 delivered, 1 failed. */
  text: string;
  /** What is worst, for the colour; null when it went nowhere. */
  status: DeliveryStatus | null;
}

/** In the order in which they matter. */
const OTHERS: [DeliveryStatus, string][] = [
  ['FAILED', 'failed'],
  ['HELD', 'held'],
  ['PENDING', 'pending'],
  ['CANCELED', 'canceled'],
];

/** What became of the deliveries of an event. */
export function fanOut({ facets }: FanOutFragment): FanOut {
  const counts = new Map(facets.statuses.map(({ value, count }) => [value, count]));
  const all = [...counts.values()].reduce((a, b) => a + b, 0);
  if (all === 0) return { text: 'no webhook wanted it', status: null };
  const of = facets.precision === 'AT_LEAST' ? `the latest ${all}` : `${all}`;
  const others = OTHERS.filter(([status]) => counts.has(status));
  return {
    text: [
      `${counts.get('SUCCEEDED') ?? 0} of ${of} delivered`,
      ...others.map(([status, name]) => `${counts.get(status)} ${name}`),
    ].join(', '),
    status: others[0]?.[0] ?? 'SUCCEEDED',
  };
}
