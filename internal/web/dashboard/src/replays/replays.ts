import { KEYS as DELIVERY_KEYS, deliveryFilter } from '../deliveries/filter';
import type { Key, Term } from '../filter/words';
import type {
  DeliveryFilter,
  ReplayRowFragment as Replay,
  ReplayInput,
  ReplayKind,
  ReplayStatus,
} from '../gql/graphql';

export const KINDS = {
  failed: 'What has failed',
  all: 'All that is completed',
  missing: 'What a webhook never had',
  cancel: 'Cancel what waits',
} as const;
export type KindOption = keyof typeof KINDS;

interface Kind {
  kind: ReplayKind;
  /** The states of the deliveries that such a replay sends or cancels. */
  statuses: readonly string[];
  /** The words that its filter supports. */
  keys: readonly Key[];
}

const OF_EVENTS: readonly Key[] = ['webhook', 'type', 'event', 'tag', 'data', 'since', 'until'];

export const OPTIONS: Record<KindOption, Kind> = {
  failed: { kind: 'FAILED', statuses: ['failed'], keys: DELIVERY_KEYS },
  all: { kind: 'ALL', statuses: ['failed', 'succeeded', 'canceled'], keys: DELIVERY_KEYS },
  missing: { kind: 'MISSING', statuses: [], keys: OF_EVENTS },
  cancel: {
    kind: 'CANCEL',
    statuses: ['pending', 'held'],
    keys: DELIVERY_KEYS.filter((key) => key !== 'ended-since' && key !== 'ended-until'), // what waits has not ended
  },
};

/** The names of the kinds. */
export const KIND_NAMES: Record<ReplayKind, string> = {
  FAILED: 'Failed deliveries, sent again',
  ALL: 'Completed deliveries, sent again',
  MISSING: 'Events that a webhook never had',
  CANCEL: 'Waiting deliveries, canceled',
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

/** The delivery state whose colour a replay has. */
export const COLOURS: Record<ReplayStatus, string> = {
  QUEUED: 'PENDING',
  RUNNING: 'PENDING',
  PAUSED: 'HELD',
  CANCELING: 'PENDING',
  CANCELED: 'CANCELED',
  COMPLETED: 'SUCCEEDED',
  FAILED: 'FAILED',
};

export const SIGNS: Record<ReplayStatus, string> = {
  QUEUED: '●',
  RUNNING: '●',
  PAUSED: '❚❚',
  CANCELING: '●',
  CANCELED: '–',
  COMPLETED: '✓',
  FAILED: '✕',
};

/** Whether a replay may still send something. */
export function isOpen({ status }: Pick<Replay, 'status'>): boolean {
  return status !== 'CANCELED' && status !== 'COMPLETED' && status !== 'FAILED';
}

type Counted = Pick<Replay, 'total' | 'started' | 'skipped' | 'status'>;

/** The progress of a replay, 0 to 1, and 1 only if nothing is left; null while it is unknown. */
export function shareOf({ total, started, skipped, status }: Counted): number | null {
  if (status === 'COMPLETED') return 1;
  if (!total) return null;
  const done = started + skipped;
  return done < total ? Math.min(0.9999, done / total) : 1;
}

/** The number of deliveries that were sent or skipped, of how many. */
export function doneOf(replay: Counted): string {
  const done = (replay.started + replay.skipped).toLocaleString();
  if (replay.total != null) return `${done} of ${replay.total.toLocaleString()}`;
  return isOpen(replay) ? `${done} so far` : done;
}

/** The number of deliveries that were neither sent nor skipped; null if it is unknown. */
export function leftOf({ total, started, skipped }: Counted): number | null {
  return total == null ? null : total - started - skipped;
}

/** The rate that a text means: undefined if it is not valid, null for no limit. */
export function rateOf(text: string): number | null | undefined {
  if (text.trim() === '') return null;
  const rate = Number(text);
  return Number.isInteger(rate) && rate >= 1 && rate <= 100_000 ? rate : undefined;
}

/** What to send or cancel; no word means all deliveries of the kind. */
export function inputOf(kind: KindOption, terms: readonly Term[]): Pick<ReplayInput, 'kind' | 'filter'> {
  return { kind: OPTIONS[kind].kind, filter: deliveryFilter(terms) ?? {} };
}

/** The words of a filter that a kind supports; null if they name only states that its deliveries cannot have. */
export function termsOf(kind: KindOption, terms: readonly Term[]): Term[] | null {
  const { keys, statuses } = OPTIONS[kind];
  const isOwn = ({ key, value }: Term) =>
    key === 'status' ? statuses.includes(value.toLowerCase()) : keys.includes(key);
  const own = terms.filter(isOwn);
  const names = (list: readonly Term[]) => list.some(({ key }) => key === 'status');
  return names(terms) && !names(own) ? null : own;
}

/** The kind that sends the deliveries of a list again: only failed ones if it shows no other states. Null if it shows none that are completed. */
export function againOf(terms: readonly Term[]): { kind: KindOption; terms: Term[] } | null {
  const own = termsOf('all', terms);
  if (!own) return null;
  const statuses = own.filter(({ key }) => key === 'status');
  const isFailed = statuses.length > 0 && statuses.every(({ value }) => value.toLowerCase() === 'failed');
  return { kind: isFailed ? 'failed' : 'all', terms: own };
}

/** The kind that cancels those of a list that wait. Null if it shows none that can. */
export function waitingOf(terms: readonly Term[]): { kind: KindOption; terms: Term[] } | null {
  if (terms.some(({ key }) => key === 'ended-since' || key === 'ended-until')) return null;
  const own = termsOf('cancel', terms);
  return own && { kind: 'cancel', terms: own };
}

/** The condition of the deliveries that a replay of the kind would be about, for lists. */
export function listedOf(kind: KindOption, terms: readonly Term[]): DeliveryFilter {
  const isNarrow = terms.some(({ key }) => key === 'status');
  const statuses = isNarrow ? [] : OPTIONS[kind].statuses.map((value): Term => ({ key: 'status', value }));
  return deliveryFilter([...terms, ...statuses]) ?? {};
}

/** The words of the filter for its fields. */
const WORDS: Record<string, Key> = {
  webhookIds: 'webhook',
  eventIds: 'event',
  eventTypes: 'type',
  statuses: 'status',
  errors: 'error',
  httpStatuses: 'http',
  tags: 'tag',
  data: 'data',
  replayIds: 'replay',
  createdAt: 'since',
  completedAt: 'ended-since',
};

/** What is wrong with a replay, with the word of the filter that it is about. */
export function problemOf<T extends { message: string; field?: readonly string[] }>(error: T): T {
  const [, part, field = ''] = error.field ?? [];
  const word = part === 'filter' ? WORDS[field] : undefined;
  return word ? { ...error, message: `${word}: ${error.message}` } : error;
}

/** A unique key for a replay. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}

/** The address of the form for a replay of what matches a filter, for sending it again or canceling it. */
export function newReplay(q: string, kind: KindOption = 'failed'): string {
  const params = new URLSearchParams({ q, ...(kind !== 'failed' && { kind }) });
  return `/replays/new?${params}`;
}
