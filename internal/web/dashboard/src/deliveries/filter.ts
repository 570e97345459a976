import {
  CREATED,
  compact,
  dataFilters,
  ENDED,
  httpRange,
  isDuring,
  type Key,
  some,
  type Term,
  timeRange,
  valuesOf,
} from '../filter/words';
import type {
  AttemptErrorCode,
  DeliveryAttemptFilter,
  DeliveryFilter,
  DeliveryStatus,
  IntRange,
  StatsFilter,
} from '../gql/graphql';
import type { Row } from './feed';

/** The words that narrow the list of deliveries. */
export const KEYS: readonly Key[] = [
  'status',
  'type',
  'webhook',
  'event',
  'error',
  'http',
  'tag',
  'data',
  'replay',
  'since',
  'until',
  'ended-since',
  'ended-until',
];

/** The condition for the server; null when there is none. */
export function deliveryFilter(terms: readonly Term[]): DeliveryFilter | null {
  const statuses = valuesOf(terms, 'status').map((value) => value.toUpperCase() as DeliveryStatus);
  return compact({
    statuses: some(statuses),
    eventTypes: some(valuesOf(terms, 'type')),
    webhookIds: some(valuesOf(terms, 'webhook')),
    eventIds: some(valuesOf(terms, 'event')),
    replayIds: some(valuesOf(terms, 'replay')),
    errors: some(valuesOf(terms, 'error').map((value) => value.toUpperCase() as AttemptErrorCode)),
    httpStatuses: some(valuesOf(terms, 'http').flatMap((value) => httpRange(value) ?? [])),
    tags: some(valuesOf(terms, 'tag')),
    data: dataFilters(terms),
    createdAt: timeRange(terms),
    completedAt: timeRange(terms, ENDED),
  });
}

/** The part of a condition that statistics support, without patterns; null if there is none. */
export function statsFilter(terms: readonly Term[]): StatsFilter | null {
  const types = valuesOf(terms, 'type');
  return compact({
    webhookIds: some(valuesOf(terms, 'webhook')),
    eventTypes: types.some((type) => type.includes('*')) ? undefined : some(types),
  });
}

/** Whether statistics support the whole condition. */
export function isCountable(terms: readonly Term[]): boolean {
  return terms.every(
    ({ key, value }) =>
      key === 'webhook' || key === 'since' || key === 'until' || (key === 'type' && !value.includes('*')),
  );
}

/** The condition for the stream of attempts; matches checks what that cannot express. */
export function attemptFilter(terms: readonly Term[]): DeliveryAttemptFilter | null {
  return compact({
    eventTypes: some(valuesOf(terms, 'type')),
    webhookIds: some(valuesOf(terms, 'webhook')),
    eventIds: some(valuesOf(terms, 'event')),
  });
}

/** Whether the stream of attempts cannot decide what belongs in the list: it has neither the data of events nor replays. */
export function isUnknowable(terms: readonly Term[]): boolean {
  return terms.some(({ key }) => key === 'data' || key === 'replay');
}

/** Whether a delivery from the stream belongs in the list. */
export function matches(terms: readonly Term[], delivery: Row, now: number): boolean {
  if (isUnknowable(terms)) return false;
  const last = delivery.lastAttempt;
  const one = (key: Key, is: (value: string) => boolean) => {
    const values = valuesOf(terms, key);
    return values.length === 0 || values.some(is);
  };
  if (!one('error', (value) => value.toUpperCase() === last?.error)) return false;
  if (!one('tag', (value) => delivery.event?.tags.includes(value) ?? false)) return false;
  const status = last?.response?.status ?? 0;
  const within = (range: IntRange | null) =>
    range !== null && status >= (range.from ?? 0) && status <= (range.to ?? 999);
  if (!one('http', (value) => within(httpRange(value)))) return false;
  const statuses = valuesOf(terms, 'status');
  if (statuses.length > 0 && !statuses.some((status) => status.toUpperCase() === delivery.status))
    return false;
  return (
    isDuring(terms, CREATED, delivery.createdAt, now) && isDuring(terms, ENDED, delivery.completedAt, now)
  );
}
