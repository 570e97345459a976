import type {
  EventTypeChangeKind,
  EventTypeQuery,
  ImportEventTypesMutation,
  SchemaValidation,
} from '../gql/graphql';

/** An event type; its schema and its example are the text that is stored, or null. */
export type EventType = Omit<NonNullable<EventTypeQuery['eventType']>, 'exactSchema' | 'exactExample'> & {
  schema: string | null;
  example: string | null;
};

export const VALIDATIONS: Record<SchemaValidation, string> = {
  OFF: 'Not checked',
  WARN: 'Delivered, with a warning here',
  REJECT: 'Refused',
};

/** A type as it was read with its JSON as text. "null" is a value of an example, so only the absence of a schema reads as null. */
export function typeOf(read: EventTypeQuery['eventType']): EventType | null {
  if (!read) return null;
  const { exactSchema, exactExample, ...rest } = read;
  return { ...rest, schema: textOf(exactSchema), example: textOf(exactExample) };
}

function textOf(exact: unknown): string | null {
  return typeof exact === 'string' && exact !== 'null' ? exact : null;
}

export interface Group<Row> {
  /** What the names begin with, such as "order."; "" for names of a single word. */
  prefix: string;
  rows: readonly Row[];
}

/** Types, in the order of their names, by the first word of their names. */
export function grouped<Row extends { name: string }>(rows: readonly Row[]): Group<Row>[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const prefix = row.name.slice(0, row.name.indexOf('.') + 1);
    const group = groups.get(prefix);
    if (group) group.push(row);
    else groups.set(prefix, [row]);
  }
  return [...groups].map(([prefix, rows]) => ({ prefix, rows }));
}

/** A type as it is typed. */
export interface TypeForm {
  name: string;
  description: string;
  schema: string;
  validation: SchemaValidation;
  example: string;
  deprecated: boolean;
}

export function formOf(
  type: Pick<EventType, 'name' | 'description' | 'validation'> & Partial<EventType>,
): TypeForm {
  return {
    name: type.name,
    description: type.description,
    schema: type.schema ?? '',
    validation: type.schema ? type.validation : 'WARN',
    example: type.example ?? '',
    deprecated: type.deprecatedAt != null,
  };
}

export const NEW: TypeForm = formOf({ name: '', description: '', validation: 'OFF' });

/** What a form changes: a concurrent change of something else is not undone. JSON that changes is in schema and example, as text. */
export function changesOf(before: TypeForm, form: TypeForm) {
  const has = (text: string) => text.trim() !== '';
  const validation = has(form.schema) ? form.validation : 'OFF';
  const was = has(before.schema) ? before.validation : 'OFF';
  return {
    input: {
      name: form.name.trim(),
      ...(form.description !== before.description && { description: form.description }),
      ...(validation !== was && { validation }),
      ...(form.deprecated !== before.deprecated && { deprecated: form.deprecated }),
    },
    schema: form.schema !== before.schema ? jsonOf(form.schema) : null,
    example: form.example !== before.example ? jsonOf(form.example) : null,
  };
}

function jsonOf(text: string): string {
  return text.trim() === '' ? 'null' : text;
}

export type Change = NonNullable<
  NonNullable<ImportEventTypesMutation['importEventTypes']>['changes']
>[number];

export const KINDS: Record<EventTypeChangeKind, string> = {
  ADDED: 'Declared',
  CHANGED: 'Changed',
  REMOVED: 'Declaration deleted',
  MISSING: 'Not in the document: stays',
};

/** What a change breaks for those who publish and receive, in words; "" for nothing. It is not all that the API tells: each field is paid for. */
export function effectOf({ kind, webhookCount, failingEvents }: Change): string {
  if (kind === 'REMOVED' && webhookCount > 0)
    return `${webhookCount.toLocaleString()} ${webhookCount === 1 ? 'webhook receives' : 'webhooks receive'} its events`;
  if (failingEvents === 0) return '';
  return failingEvents === 1
    ? 'one of its newest events breaks the schema'
    : `${failingEvents} of its newest events break the schema`;
}

/** How many types an import declares, changes or deletes. */
export function changedCount(changes: readonly Change[]): number {
  return changes.filter(({ kind }) => kind !== 'MISSING').length;
}
