import type {
  AttemptErrorCode,
  DataFilter,
  DeliveryAttemptFilter,
  DeliveryFilter,
  DeliveryStatus,
  IntRange,
} from '../gql/graphql';
import type { Row } from './feed';

// What is typed to narrow the list: words such as status:failed, separated by spaces. The text is in the address, so that one
// address is one view.

/** One word of a filter. */
export interface Term {
  key: Key;
  value: string;
}

export interface Filter {
  terms: Term[];
  /** What cannot be understood, and how to say it instead. */
  problems: string[];
}

const STATUSES: DeliveryStatus[] = ['PENDING', 'HELD', 'SUCCEEDED', 'FAILED', 'CANCELED'];

const ERRORS: AttemptErrorCode[] = [
  'DNS',
  'CONNECT',
  'TLS',
  'TIMEOUT',
  'BLOCKED_ADDRESS',
  'HTTP_STATUS',
  'RESPONSE_TOO_SLOW',
  'PROTOCOL',
  'SIGNING',
];

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const AGO = /^(\d{1,6})([smhdw])$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

const KEYS = {
  status: {
    example: 'status:failed',
    check: (value: string) => STATUSES.includes(value.toUpperCase() as DeliveryStatus),
  },
  type: { example: 'type:humanization.*', check: (value: string) => /^[\w.*]+$/.test(value) },
  webhook: { example: 'webhook:019db8a2-…', check: (value: string) => ID.test(value) },
  event: { example: 'event:019db8a2-…', check: (value: string) => ID.test(value) },
  error: {
    example: 'error:TIMEOUT',
    check: (value: string) => ERRORS.includes(value.toUpperCase() as AttemptErrorCode),
  },
  http: { example: 'http:5xx', check: (value: string) => httpRange(value) !== null },
  tag: { example: 'tag:vip', check: (value: string) => value !== '' },
  data: { example: 'data.job_id=42', check: (value: string) => dataFilter(value) !== null },
  since: { example: 'since:1h', check: isTime },
  until: { example: 'until:2026-04-23T10:00:00Z', check: isTime },
} as const;

export type Key = keyof typeof KEYS;

/** An example of each word, for help. */
export const EXAMPLES: string[] = Object.values(KEYS).map(({ example }) => example);

export function parse(text: string): Filter {
  const filter: Filter = { terms: [], problems: [] };
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (word.startsWith('data.')) {
      const value = word.slice('data.'.length);
      if (dataFilter(value)) filter.terms.push({ key: 'data', value });
      else filter.problems.push(`“${word}” is not understood. An example: ${KEYS.data.example}`);
      continue;
    }
    const colon = word.indexOf(':');
    const key = word.slice(0, colon).toLowerCase();
    if (ID.test(word)) {
      filter.problems.push(
        `“${word}” is an ID: say event:${word} or webhook:${word}, or go to it with Ctrl-K.`,
      );
    } else if (colon < 0 || !Object.hasOwn(KEYS, key)) {
      filter.problems.push(`“${word}” is not a filter. Filters are ${EXAMPLES.join(', ')}.`);
    } else {
      for (const value of word.slice(colon + 1).split(',')) {
        const known = KEYS[key as Key];
        if (known.check(value)) filter.terms.push({ key: key as Key, value });
        else filter.problems.push(`“${word}” is not understood. An example: ${known.example}`);
      }
    }
  }
  return filter;
}

export function print(terms: readonly Term[]): string {
  return terms.map(printTerm).join(' ');
}

export function printTerm({ key, value }: Term): string {
  return key === 'data' ? `data.${value}` : `${key}:${value}`;
}

/** 503, 5xx or 500-504. */
function httpRange(value: string): IntRange | null {
  const [, first, last] = /^(\d{3})(?:-(\d{3}))?$/.exec(value) ?? [];
  if (first) return { from: Number(first), to: Number(last ?? first) };
  const [, hundred] = /^([1-9])xx$/i.exec(value) ?? [];
  return hundred ? { from: Number(hundred) * 100, to: Number(hundred) * 100 + 99 } : null;
}

/** customer.id=42 for a number, true, false or null; customer.id=abc or customer.id="42" for a text. */
function dataFilter(value: string): DataFilter | null {
  const equals = value.indexOf('=');
  if (equals < 1) return null;
  const path = value.slice(0, equals);
  const text = value.slice(equals + 1);
  if (!/^(-?\d|true$|false$|null$|")/.test(text)) return { path, equals: text };
  try {
    const parsed: unknown = JSON.parse(text);
    // What a double cannot hold would be sent as another number.
    return typeof parsed === 'number' && String(parsed) !== text ? null : { path, equals: parsed };
  } catch {
    return { path, equals: text };
  }
}

function isTime(value: string): boolean {
  return AGO.test(value) || (INSTANT.test(value) && !Number.isNaN(Date.parse(value)));
}

/** A time as the server takes it: "1h" as a duration back from now. */
function timeBound(value: string): string {
  const ago = AGO.exec(value);
  if (!ago) return value;
  const unit = (ago[2] ?? '').toUpperCase();
  return unit === 'D' || unit === 'W' ? `-P${ago[1]}${unit}` : `-PT${ago[1]}${unit}`;
}

function valuesOf(terms: readonly Term[], key: Key): string[] {
  return terms.filter((term) => term.key === key).map(({ value }) => value);
}

/** The condition for the server; null when there is none. */
export function deliveryFilter(terms: readonly Term[]): DeliveryFilter | null {
  const statuses = valuesOf(terms, 'status').map((value) => value.toUpperCase() as DeliveryStatus);
  const since = valuesOf(terms, 'since').at(-1);
  const until = valuesOf(terms, 'until').at(-1);
  return compact({
    statuses: some(statuses),
    eventTypes: some(valuesOf(terms, 'type')),
    webhookIds: some(valuesOf(terms, 'webhook')),
    eventIds: some(valuesOf(terms, 'event')),
    errors: some(valuesOf(terms, 'error').map((value) => value.toUpperCase() as AttemptErrorCode)),
    httpStatuses: some(valuesOf(terms, 'http').flatMap((value) => httpRange(value) ?? [])),
    tags: some(valuesOf(terms, 'tag')),
    data: some(valuesOf(terms, 'data').flatMap((value) => dataFilter(value) ?? [])),
    createdAt: compact({ from: since && timeBound(since), to: until && timeBound(until) }),
  });
}

/** The condition for the stream of attempts: what cannot be said there is looked at here, by matches. */
export function attemptFilter(terms: readonly Term[]): DeliveryAttemptFilter | null {
  return compact({
    eventTypes: some(valuesOf(terms, 'type')),
    webhookIds: some(valuesOf(terms, 'webhook')),
    eventIds: some(valuesOf(terms, 'event')),
  });
}

/** Whether the stream cannot tell what belongs in the list: it does not bring the data of events. */
export function isUnknowable(terms: readonly Term[]): boolean {
  return terms.some(({ key }) => key === 'data');
}

/** Whether a delivery that the stream brought belongs in the list. */
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
  const created = Date.parse(delivery.createdAt);
  const since = valuesOf(terms, 'since').at(-1);
  const until = valuesOf(terms, 'until').at(-1);
  return (!since || created >= instant(since, now)) && (!until || created < instant(until, now));
}

const UNITS: Record<string, number> = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3, w: 604800e3 };

function instant(value: string, now: number): number {
  const ago = AGO.exec(value);
  return ago ? now - Number(ago[1]) * (UNITS[ago[2] ?? ''] ?? 0) : Date.parse(value);
}

/** The terms with times that do not move: for a link that shows others the same. */
export function frozen(terms: readonly Term[], now: number): Term[] {
  return terms.map((term) =>
    (term.key === 'since' || term.key === 'until') && AGO.test(term.value)
      ? { ...term, value: new Date(instant(term.value, now)).toISOString() }
      : term,
  );
}

function some<T>(values: T[]): T[] | undefined {
  return values.length > 0 ? values : undefined;
}

/** The object without what is undefined; null when nothing is left. */
function compact<T extends object>(object: T): T | null {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined && value !== null);
  return entries.length > 0 ? (Object.fromEntries(entries) as T) : null;
}
