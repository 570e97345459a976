import type { TimeRange } from '../gql/graphql';

/** The available ranges, as they are spelled in the address. */
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

export interface FixedRange {
  from: string;
  to: string;
}

// What the API takes: years of four digits.
const FIRST = Date.parse('0000-01-01T00:00:00Z');
const LAST = Date.parse('9999-12-31T23:59:59Z');

/** The fixed range of a shared address, as the API writes times; null if it has none. */
export function fixedRange(from: string | null, to: string | null): FixedRange | null {
  const start = Date.parse(from ?? '');
  const end = Date.parse(to ?? '');
  if (!(FIRST < start && start < end && end <= LAST)) return null;
  return { from: new Date(start).toISOString(), to: new Date(end).toISOString() };
}

/** A fixed range, and the one of the same length before it, or what there is of that. */
export function fixedBounds({ from, to }: FixedRange): { range: TimeRange; before: TimeRange } {
  const start = Math.max(FIRST, 2 * Date.parse(from) - Date.parse(to));
  return { range: { from, to }, before: { from: new Date(start).toISOString(), to: from } };
}

const HOUR = 3_600_000;
const LENGTHS: Record<Range, number> = { '1h': HOUR, '24h': 24 * HOUR, '7d': 168 * HOUR, '30d': 720 * HOUR };

/** A fixed range, for a link. */
export function frozenRange(range: Range, now: number): FixedRange {
  return { from: new Date(now - LENGTHS[range]).toISOString(), to: new Date(now).toISOString() };
}

/** The next longer range, and the shortest after the longest. */
export function nextRange(range: Range): Range {
  const all = Object.keys(RANGES) as Range[];
  return all[(all.indexOf(range) + 1) % all.length] ?? range;
}
