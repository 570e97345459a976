import { deliveryFilter } from '../deliveries/filter';
import type { Term } from '../filter/words';
import type {
  ReplayRowFragment as Replay,
  ReplayDeliveriesInput,
  ReplayKind,
  ReplayStatus,
} from '../gql/graphql';

export const KINDS = { failed: 'What has failed', all: 'All that is completed' } as const;
export type KindOption = keyof typeof KINDS;

/** What a replay sends, in the words of people. */
export const KIND_NAMES: Record<ReplayKind, string> = {
  FAILED: 'Failed deliveries',
  ALL: 'Completed deliveries',
  MISSING: 'Events that a webhook never had',
  CANCEL: 'Open deliveries, canceled',
};

export const STATUS_NAMES: Record<ReplayStatus, string> = {
  QUEUED: 'Not begun',
  RUNNING: 'Running',
  PAUSED: 'Paused',
  CANCELING: 'Being canceled',
  CANCELED: 'Canceled',
  COMPLETED: 'Completed',
  FAILED: 'Failed',
};

/** The state of a delivery whose colour a replay has. */
export const COLOURS: Record<ReplayStatus, string> = {
  QUEUED: 'PENDING',
  RUNNING: 'PENDING',
  PAUSED: 'HELD',
  CANCELING: 'PENDING',
  CANCELED: 'CANCELED',
  COMPLETED: 'SUCCEEDED',
  FAILED: 'FAILED',
};

/** Whether a replay may still send something. */
export function isOpen({ status }: Pick<Replay, 'status'>): boolean {
  return status !== 'CANCELED' && status !== 'COMPLETED' && status !== 'FAILED';
}

/** How much of a replay is done, 0 to 1; null while that is not known. */
export function shareOf({
  total,
  started,
  skipped,
  status,
}: Pick<Replay, 'total' | 'started' | 'skipped' | 'status'>) {
  if (status === 'COMPLETED') return 1;
  if (!total) return null;
  return Math.min(1, (started + skipped) / total);
}

/** The rate of the text in a field: undefined when it is none, null for no limit. */
export function rateOf(text: string): number | null | undefined {
  if (text.trim() === '') return null;
  const rate = Number(text);
  return Number.isInteger(rate) && rate >= 1 && rate <= 100_000 ? rate : undefined;
}

/** What to send again; no word means all deliveries of the kind. */
export function inputOf(
  kind: KindOption,
  terms: readonly Term[],
): Pick<ReplayDeliveriesInput, 'kind' | 'filter'> {
  return { kind: kind === 'all' ? 'ALL' : 'FAILED', filter: deliveryFilter(terms) ?? {} };
}

/** A key that no other replay has. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}

/** The address of the form for a replay of what matches a filter. */
export function newReplay(q: string, kind: KindOption = 'failed'): string {
  const params = new URLSearchParams({ q, ...(kind !== 'failed' && { kind }) });
  return `/replays/new?${params}`;
}
