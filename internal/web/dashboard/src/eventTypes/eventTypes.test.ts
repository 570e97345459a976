import { expect, test } from 'vitest';
import { type Change, changedCount, changesOf, effectOf, formOf, grouped, NEW, typeOf } from './eventTypes';

// Names are grouped by their first word, in the order in which they come.
test('groups types by prefix', () => {
  const rows = ['Single', 'order.paid', 'order.sent.late', 'single'].map((name) => ({ name }));
  expect(grouped(rows)).toEqual([
    { prefix: '', rows: [{ name: 'Single' }, { name: 'single' }] },
    { prefix: 'order.', rows: [{ name: 'order.paid' }, { name: 'order.sent.late' }] },
  ]);
});

const PAID = {
  ...NEW,
  name: 'order.paid',
  description: 'Paid.',
  schema: '{"n":1.0}',
  validation: 'REJECT' as const,
  example: '1.0',
};

// Only what was changed is sent, so that it does not undo what somebody else changes at the same time. JSON is sent as its text.
test.each([
  [PAID, {}, {}, null, null],
  [PAID, { description: '' }, { description: '' }, null, null],
  [PAID, { schema: ' ' }, { validation: 'OFF' }, 'null', null],
  [PAID, { example: '2.50' }, {}, null, '2.50'],
  [
    PAID,
    { validation: 'WARN' as const, deprecated: true },
    { validation: 'WARN', deprecated: true },
    null,
    null,
  ],
  [{ ...NEW, name: 'order.paid' }, { schema: 'true' }, { validation: 'WARN' }, 'true', null],
])('sends what changed: %#', (before, change, input, schema, example) => {
  expect(changesOf(before, { ...before, ...change })).toEqual({
    input: { name: 'order.paid', ...input },
    schema,
    example,
  });
});

test('reads a type', () => {
  const type = typeOf({
    name: 'a',
    description: '',
    validation: 'OFF',
    deprecatedAt: null,
    exactSchema: null,
    exactExample: '1.0',
  } as never);
  expect(type).toMatchObject({ schema: null, example: '1.0' });
  expect(type && formOf(type)).toMatchObject({
    schema: '',
    example: '1.0',
    validation: 'WARN',
    deprecated: false,
  });
  expect(typeOf(null)).toBeNull();
});

function change(of: Partial<Change>): Change {
  return {
    name: 'a',
    kind: 'CHANGED',
    fields: [],
    webhookCount: 2,
    failingEvents: 0,
    violation: null,
    ...of,
  };
}

test.each([
  [change({}), ''],
  [change({ kind: 'REMOVED' }), '2 webhooks receive its events'],
  [change({ kind: 'REMOVED', webhookCount: 1 }), '1 webhook receives its events'],
  [change({ kind: 'REMOVED', webhookCount: 0 }), ''],
  [change({ failingEvents: 3 }), '3 of its newest events break the schema'],
  [change({ failingEvents: 1 }), 'one of its newest events breaks the schema'],
])('tells the effect: %#', (of, text) => {
  expect(effectOf(of)).toBe(text);
});

test('counts what an import changes', () => {
  expect(changedCount([change({}), change({ kind: 'MISSING' }), change({ kind: 'ADDED' })])).toBe(2);
});
