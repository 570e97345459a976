import {
  AUDIT_ACTIONS,
  compact,
  type Key,
  printTerm,
  some,
  type Term,
  timeRange,
  valuesOf,
} from '../filter/words';
import type { AuditAction, AuditEntryFilter, AuditLogQuery, AuditObjectType } from '../gql/graphql';

type Entry = NonNullable<AuditLogQuery['auditLog']>['nodes'][number];

/** The words that narrow the audit log. */
export const KEYS: readonly Key[] = ['action', 'object', 'token', 'since', 'until'];

/** The condition for the server; null when there is none. */
export function auditFilter(terms: readonly Term[]): AuditEntryFilter | null {
  return compact({
    actions: some(valuesOf(terms, 'action').map((value) => value.toUpperCase() as AuditAction)),
    objectIds: some(valuesOf(terms, 'object')),
    tokenIds: some(valuesOf(terms, 'token')),
    at: timeRange(terms),
  });
}

/** The address of the log of one token or object; of says whose entries are shown. */
export function allOf(term: Term, of: string): string {
  return `/operate/audit?${new URLSearchParams({ q: printTerm(term), ...(of !== '' && { of }) })}`;
}

/** Who made the change. */
export function actorOf({ actor }: Pick<Entry, 'actor'>): string {
  switch (actor.kind) {
    case 'SERVER':
      return 'the server';
    case 'COMMAND':
      return actor.name ? `${actor.name} (command line)` : 'the command line';
    case 'OPERATOR':
      return actor.name ? `${actor.name} (operator)` : 'an operator';
    default:
      return actor.name || 'a token of the tenant';
  }
}

/** The name of the action. An unknown action, of a later server, is shown as its value. */
export function actionOf({ action }: Pick<Entry, 'action'>): string {
  return AUDIT_ACTIONS[action] ?? action;
}

/** The types of objects: their names, and the screen that shows one. */
const OBJECTS: Record<AuditObjectType, { name: string; screen?: string }> = {
  WEBHOOK: { name: 'Webhook', screen: '/webhooks' },
  DELIVERY: { name: 'Delivery', screen: '/deliveries' },
  REPLAY: { name: 'Replay', screen: '/replays' },
  TENANT: { name: 'Tenant' },
  TOKEN: { name: 'Token' },
  PORTAL_SESSION: { name: 'Portal session' },
  EVENT_TYPE: { name: 'Event type' },
  ISSUE: { name: 'Issue' },
  KEY: { name: 'Master key' },
  DATABASE: { name: 'Database' },
};

/** The name of the changed object's type. An unknown type, of a later server, is shown as its value. */
export function objectOf({ objectType }: Pick<Entry, 'objectType'>): string {
  return OBJECTS[objectType]?.name ?? objectType;
}

/** The screen that shows the changed object; null if there is none. */
export function pathOf({ objectType, objectId }: Pick<Entry, 'objectType' | 'objectId'>): string | null {
  const screen = OBJECTS[objectType]?.screen;
  return screen ? `${screen}/${objectId}` : null;
}

/** A value of a change as text; null if there was none. exact is JSON, in which the server may have escaped characters. */
export function textOf(exact: unknown): string | null {
  if (typeof exact !== 'string' || exact === 'null') return null;
  return exact.startsWith('"') ? JSON.stringify(JSON.parse(exact)) : exact;
}
