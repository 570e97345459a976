import type { DeliveryStatus, FanOutFragment } from '../gql/graphql';

export interface FanOut {
  /** The deliveries of an event in a few words: 3 of 4 delivered, 1 failed. */
  text: string;
  /** The worst state, for the colour; null if there are no deliveries. */
  status: DeliveryStatus | null;
}

/** The states, the most important first. */
const OTHERS: [DeliveryStatus, string][] = [
  ['FAILED', 'failed'],
  ['HELD', 'held'],
  ['PENDING', 'pending'],
  ['CANCELED', 'canceled'],
];

/** Summarizes the deliveries of an event. */
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
