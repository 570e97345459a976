import { now } from '../api/clock';
import type {
  AttemptErrorCode,
  AuditAction,
  DataFilter,
  DeliveryStatus,
  IntRange,
  TimeRange,
} from '../gql/graphql';

// The filter of a list as text: words such as status:failed, separated by spaces. The text is in the address, so that an address
// identifies a view.

/** One word of a filter. */
export interface Term {
  key: Key;
  value: string;
}

export interface Filter {
  terms: Term[];
  /** Messages about words that are not valid. */
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
  'PAYLOAD',
  'OAUTH_TOKEN',
  'CLIENT_CERTIFICATE',
];

/** The names of the audit log's actions, as people read them. */
export const AUDIT_ACTIONS: Record<AuditAction, string> = {
  WEBHOOK_CREATED: 'Webhook registered',
  WEBHOOK_UPDATED: 'Webhook changed',
  WEBHOOK_DISABLED: 'Webhook disabled by the server',
  WEBHOOK_ENABLED: 'Webhook enabled by the server',
  WEBHOOK_DELETED: 'Webhook deleted',
  WEBHOOK_SECRET_ROTATED: 'Secret rotated',
  DELIVERY_RETRIED: 'Delivery retried',
  DELIVERY_CANCELED: 'Delivery canceled',
  REPLAY_CREATED: 'Replay started',
  REPLAY_UPDATED: 'Replay changed',
  REPLAY_CANCELED: 'Replay canceled',
  TENANT_CREATED: 'Tenant created',
  TENANT_UPDATED: 'Tenant changed',
  TENANT_DELETED: 'Tenant deleted',
  TOKEN_CREATED: 'Token created',
  TOKEN_REVOKED: 'Token revoked',
  EVENT_TYPE_CREATED: 'Event type declared',
  EVENT_TYPE_UPDATED: 'Event type changed',
  EVENT_TYPE_DELETED: 'Event type deleted',
  ISSUE_ACKNOWLEDGED: 'Issue acknowledged',
  PORTAL_SESSION_CREATED: 'Portal link created',
  PORTAL_SESSION_OPENED: 'Portal link opened',
  PORTAL_SESSION_REVOKED: 'Portal session revoked',
  KEY_ROTATED: 'Master key changed',
  DATABASE_RESTORED: 'Database restored',
};

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
  replay: { example: 'replay:019db8a2-…', check: (value: string) => ID.test(value) },
  error: {
    example: 'error:TIMEOUT',
    check: (value: string) => ERRORS.includes(value.toUpperCase() as AttemptErrorCode),
  },
  http: { example: 'http:5xx', check: (value: string) => httpRange(value) !== null },
  tag: { example: 'tag:vip', check: (value: string) => value !== '' },
  key: { example: 'key:order-42', check: (value: string) => value !== '' },
  data: { example: 'data.job_id=42', check: (value: string) => dataFilter(value) !== null },
  action: {
    example: 'action:webhook_updated',
    check: (value: string) => Object.hasOwn(AUDIT_ACTIONS, value.toUpperCase()),
  },
  object: { example: 'object:019db8a2-…', check: (value: string) => ID.test(value) },
  token: { example: 'token:019db8a2-…', check: (value: string) => ID.test(value) },
  since: { example: 'since:1h', check: isTime },
  until: { example: 'until:2026-04-23T10:00:00Z', check: isTime },
  'ended-since': { example: 'ended-since:1h', check: isTime },
  'ended-until': { example: 'ended-until:2026-04-23T10:00:00Z', check: isTime },
} as const;

export type Key = keyof typeof KEYS;

/** The two words of a range of time: of creation, and of the end. */
export type Range = readonly [since: Key, until: Key];

export const CREATED: Range = ['since', 'until'];
export const ENDED: Range = ['ended-since', 'ended-until'];
const TIMES: readonly Key[] = [...CREATED, ...ENDED];

/** An example of each word, for help. */
export function examples(keys: readonly Key[]): string[] {
  return keys.map((key) => KEYS[key].example);
}

/** Parses the words whose keys a list has. */
export function parse(text: string, keys: readonly Key[]): Filter {
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
      const said = keys.includes('event') ? `say event:${word} or webhook:${word}, or ` : '';
      filter.problems.push(`“${word}” is an ID: ${said}go to it with Ctrl-K.`);
    } else if (colon < 0 || !isOneOf(keys, key)) {
      filter.problems.push(`“${word}” is not a filter. Filters are ${examples(keys).join(', ')}.`);
    } else {
      const rest = word.slice(colon + 1);
      // A list can be searched for only one idempotency key, which may contain commas.
      for (const value of key === 'key' ? [rest] : rest.split(',')) {
        const known = KEYS[key];
        if (known.check(value)) filter.terms.push({ key, value });
        else filter.problems.push(`“${word}” is not understood. An example: ${known.example}`);
      }
    }
  }
  for (const range of [CREATED, ENDED]) checkRange(filter, range, now());
  return filter;
}

/** Leaves out the end of a range that no time is in, which the server refuses. */
function checkRange(filter: Filter, range: Range, now: number): void {
  const [since, until] = ends(filter.terms, range);
  if (!since || !until || instant(until, now) > instant(since, now)) return;
  filter.problems.push(`“${range[1]}:${until}” is not after “${range[0]}:${since}”.`);
  filter.terms = filter.terms.filter(({ key }) => key !== range[1]);
}

/** The ends of a range, as written; undefined is open. */
function ends(terms: readonly Term[], range: Range): [since?: string, until?: string] {
  return [valuesOf(terms, range[0]).at(-1), valuesOf(terms, range[1]).at(-1)];
}

/** Whether a time is in the range of the terms; none is only in a range that is open at both ends. */
export function isDuring(terms: readonly Term[], range: Range, time: string | null, now: number): boolean {
  const [since, until] = ends(terms, range);
  if (!since && !until) return true;
  if (time === null) return false;
  const at = Date.parse(time);
  return (!since || at >= instant(since, now)) && (!until || at < instant(until, now));
}

function isOneOf(keys: readonly Key[], key: string): key is Key {
  return (keys as readonly string[]).includes(key);
}

export function print(terms: readonly Term[]): string {
  return terms.map(printTerm).join(' ');
}

export function printTerm({ key, value }: Term): string {
  return key === 'data' ? `data.${value}` : `${key}:${value}`;
}

/** 503, 5xx or 500-504. */
export function httpRange(value: string): IntRange | null {
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
    // A number that a double cannot represent would be sent as a different number.
    return typeof parsed === 'number' && String(parsed) !== text ? null : { path, equals: parsed };
  } catch {
    return { path, equals: text };
  }
}

function isTime(value: string): boolean {
  return AGO.test(value) || (INSTANT.test(value) && !Number.isNaN(Date.parse(value)));
}

/** A time for the server: "1h" becomes a duration back from now. */
function timeBound(value: string): string {
  const ago = AGO.exec(value);
  if (!ago) return value;
  const unit = (ago[2] ?? '').toUpperCase();
  return unit === 'D' || unit === 'W' ? `-P${ago[1]}${unit}` : `-PT${ago[1]}${unit}`;
}

/** The terms, with another end of the range. */
export function untilThen(terms: readonly Term[], until: string): Term[] {
  return [...terms.filter(({ key }) => key !== 'until'), { key: 'until', value: until }];
}

/** The terms, with another range. */
export function withRange(terms: readonly Term[], since: string, until: string): Term[] {
  return [
    ...terms.filter(({ key }) => key !== 'since' && key !== 'until'),
    { key: 'since', value: since },
    { key: 'until', value: until },
  ];
}

/** A range of time in the terms; null if there is none. */
export function timeRange(terms: readonly Term[], range = CREATED): TimeRange | null {
  const [since, until] = ends(terms, range);
  return compact({ from: since && timeBound(since), to: until && timeBound(until) });
}

/** The conditions on data in the terms. */
export function dataFilters(terms: readonly Term[]): DataFilter[] | undefined {
  return some(valuesOf(terms, 'data').flatMap((value) => dataFilter(value) ?? []));
}

/** The values of a key. */
export function valuesOf(terms: readonly Term[], key: Key): string[] {
  return terms.filter((term) => term.key === key).map(({ value }) => value);
}

const UNITS: Record<string, number> = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3, w: 604800e3 };

/** A time of a filter in milliseconds. */
export function instant(value: string, now: number): number {
  const ago = AGO.exec(value);
  return ago ? now - Number(ago[1]) * (UNITS[ago[2] ?? ''] ?? 0) : Date.parse(value);
}

/** The terms with relative times fixed: for a link that shows others the same. */
export function frozen(terms: readonly Term[], now: number): Term[] {
  return terms.map((term) =>
    TIMES.includes(term.key) && AGO.test(term.value)
      ? { ...term, value: new Date(instant(term.value, now)).toISOString() }
      : term,
  );
}

/** The values; undefined if there are none. */
export function some<T>(values: T[]): T[] | undefined {
  return values.length > 0 ? values : undefined;
}

/** The object without undefined members; null if it is empty. */
export function compact<T extends object>(object: T): T | null {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined && value !== null);
  return entries.length > 0 ? (Object.fromEntries(entries) as T) : null;
}
