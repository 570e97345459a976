import type { TimeRange } from '../gql/graphql';

/** The ranges that can be chosen, in the address as they are here. */
export const RANGES = { '1h': '1 hour', '24h': '24 hours', '7d': '7 days', '30d': '30 days' } as const;
export type Range = keyof typeof RANGES;

const BOUNDS: Record<Range, [from: string, twice: string]> = {
  '1h': ['-PT1H', '-PT2H'],
  '24h': ['-PT24H', '-PT48H'],
  '7d': ['-P7D', '-P14D'],
  '30d': ['-P30D', '-P60D'],
};

export function rangeOf(text: string | null): Range {
  return text !== null && Object.hasOwn(RANGES, text) ? (text as Range) : '24h';
}

/** The range, and the one of the same length before it. */
export function bounds(range: Range): { range: TimeRange; before: TimeRange } {
  const [from, twice] = BOUNDS[range];
  return { range: { from }, before: { from: twice, to: from } };
}

/** The next longer range, and the shortest after the longest. */
export function nextRange(range: Range): Range {
  const all = Object.keys(RANGES) as Range[];
  return all[(all.indexOf(range) + 1) % all.length] ?? range;
}
