import { quoteExact } from '../api/exact';
import { KEYS as DELIVERY_KEYS } from '../deliveries/filter';
import { KEYS as EVENT_KEYS } from '../events/filter';
import { type Key, parse, print, printTerm, type Term } from '../filter/words';
import type { ReplayKind } from '../gql/graphql';

/** The conditions of a replay as the server stores them. */
interface Stored {
  deliveryIds?: string[];
  webhookIds?: string[];
  eventIds?: string[];
  replayIds?: string[];
  eventTypes?: string[];
  statuses?: string[];
  tags?: string[];
  /** exactEquals is JSON. */
  data?: { path: string; exactEquals?: string; contains?: string }[];
  errors?: string[];
  httpStatuses?: { from?: number; to?: number }[];
  createdAt?: Range;
  completedAt?: Range;
}

interface Range {
  from?: string;
  to?: string;
}

/** One condition: its name, and the values of which one suffices; or the times between which it is met. */
export interface Condition {
  name: string;
  values: { text: string; href?: string }[];
  range?: Range;
  /** The words of the filter for it; null if there are none. */
  terms: Term[] | null;
}

/** The conditions that a replay was created with, from its filter as JSON text; none means all deliveries of the kind. */
export function conditionsOf(kind: ReplayKind, exact: string): Condition[] {
  const stored = JSON.parse(quoteExact(exact.replace(/"equals":/g, '"exactEquals":'))) as Stored;
  const isMissing = kind === 'MISSING';
  const keys = isMissing ? EVENT_KEYS : DELIVERY_KEYS;
  const linked = (name: string, key: Key | null, path: string, ids: string[] = []) =>
    listed(keys, name, key, ids, (id) => `${path}/${id}`);
  const conditions: Condition[] = [
    linked('Delivery', null, '/deliveries', stored.deliveryIds),
    linked('Webhook', 'webhook', '/webhooks', stored.webhookIds),
    linked('Event', 'event', '/events', stored.eventIds),
    listed(keys, 'Event type', 'type', stored.eventTypes),
    listed(keys, 'State', 'status', stored.statuses),
    listed(keys, 'Tag', 'tag', stored.tags),
    {
      name: 'Data',
      values: (stored.data ?? []).map((one) => ({ text: dataText(one) })),
      terms: all((stored.data ?? []).map((one) => dataTerm(keys, one))),
    },
    listed(keys, 'Last error', 'error', stored.errors),
    listed(keys, 'HTTP status', 'http', stored.httpStatuses?.map(statuses)),
    linked('Sent again by', 'replay', '/replays', stored.replayIds),
    during(keys, isMissing ? 'Published' : 'Created', 'since', 'until', stored.createdAt),
    during(keys, 'Ended', 'ended-since', 'ended-until', stored.completedAt),
  ];
  return conditions.filter(({ values, range }) => values.length > 0 || range !== undefined);
}

/** The list that shows what meets the conditions now, and the names of those for which it has no words; null if it has none for all of them. */
export function listOf(
  kind: ReplayKind,
  conditions: readonly Condition[],
): { href: string; without: string[] } | null {
  const isMissing = kind === 'MISSING'; // what it is about are events
  const terms = conditions.flatMap(({ terms }) => terms ?? []);
  // An event list has no word for the webhook that had none of them.
  const without = conditions.filter(({ name, terms }) => !terms && !(isMissing && name === 'Webhook'));
  if (terms.length === 0) return null;
  const q = encodeURIComponent(print(terms));
  return {
    href: `${isMissing ? '/events' : '/deliveries'}?q=${q}`,
    without: without.map(({ name }) => name),
  };
}

function listed(
  keys: readonly Key[],
  name: string,
  key: Key | null,
  values: string[] = [],
  path?: (value: string) => string,
): Condition {
  return {
    name,
    values: values.map((text) => ({ text, ...(path && { href: path(text) }) })),
    terms: key && all(values.map((value) => termOf(keys, { key, value: written(key, value) }))),
  };
}

function written(key: Key, value: string): string {
  return key === 'status' ? value.toLowerCase() : value;
}

function during(keys: readonly Key[], name: string, since: Key, until: Key, range?: Range): Condition {
  const ends: Term[] = [];
  if (range?.from) ends.push({ key: since, value: range.from });
  if (range?.to) ends.push({ key: until, value: range.to });
  return {
    name,
    values: [],
    ...(ends.length > 0 && range && { range }),
    terms: all(ends.map((term) => termOf(keys, term))),
  };
}

/** 503, or 500-599. */
function statuses({ from = 100, to = 999 }: { from?: number; to?: number }): string {
  return from === to ? `${from}` : `${from}-${to}`;
}

function dataText({ path, exactEquals, contains }: NonNullable<Stored['data']>[number]): string {
  const parts = [];
  if (exactEquals !== undefined) parts.push(`${path} = ${exactEquals}`);
  if (contains !== undefined) parts.push(`${path} contains ${JSON.stringify(contains)}`);
  return parts.join(' and ');
}

/** The word for a condition on data. A text is in quotation marks, in which a space can be escaped. */
function dataTerm(
  keys: readonly Key[],
  { path, exactEquals, contains }: NonNullable<Stored['data']>[number],
): Term | null {
  if (exactEquals === undefined || contains !== undefined) return null;
  const value = exactEquals.replace(/\s/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return termOf(keys, { key: 'data', value: `${path}=${value}` });
}

/** The term, if a filter reads it as what it is; null if no word can say it. */
function termOf(keys: readonly Key[], term: Term): Term | null {
  const { terms, problems } = parse(printTerm(term), keys);
  const [read] = terms;
  const isSame = terms.length === 1 && read?.key === term.key && read.value === term.value;
  return isSame && problems.length === 0 ? term : null;
}

function all(terms: (Term | null)[]): Term[] | null {
  const own = terms.filter((term) => term !== null);
  return own.length === terms.length ? own : null;
}
