import { expect, test } from 'vitest';
import { actorOf, allOf, objectOf, pathOf, textOf } from './audit';
import { stateOf } from './tokens';

test('a token is valid until the moment it expires, and revoked whatever else it is', () => {
  const now = Date.parse('2026-11-27T12:00:00Z');
  expect(stateOf({ revokedAt: null, expiresAt: null }, now)).toBe('valid');
  expect(stateOf({ revokedAt: null, expiresAt: '2026-11-27T12:00:00.001Z' }, now)).toBe('valid');
  expect(stateOf({ revokedAt: null, expiresAt: '2026-11-27T12:00:00Z' }, now)).toBe('expired');
  expect(stateOf({ revokedAt: '2026-11-27T11:00:00Z', expiresAt: '2026-11-27T10:00:00Z' }, now)).toBe(
    'revoked',
  );
});

test('what leads to the log of a token or an object stays with the entries of one tenant', () => {
  const term = { key: 'token', value: '019db8a2' } as const;
  expect(allOf(term, '')).toBe('/operate/audit?q=token%3A019db8a2');
  expect(allOf(term, 'tenant')).toBe('/operate/audit?q=token%3A019db8a2&of=tenant');
});

test('the user who ran a command is named if the log knows, and the reader may', () => {
  const by = (name: string | null) => actorOf({ actor: { kind: 'COMMAND', tokenId: null, name } });
  expect(by('ada')).toBe('ada (command line)');
  expect(by(null)).toBe('the command line');
});

test('an object of the audit log is named, and leads to its screen if there is one', () => {
  expect(objectOf({ objectType: 'WEBHOOK' })).toBe('Webhook');
  expect(pathOf({ objectType: 'WEBHOOK', objectId: '1' })).toBe('/webhooks/1');
  expect(pathOf({ objectType: 'TOKEN', objectId: '1' })).toBe(null);
  const later = 'COLOR' as 'TOKEN'; // a type of a later server
  expect(objectOf({ objectType: later })).toBe('COLOR');
  expect(pathOf({ objectType: later, objectId: '1' })).toBe(null);
});

test.each([
  [null, null],
  ['null', null],
  ['1.0', '1.0'],
  ['12345678901234567890', '12345678901234567890'],
  ['"\\u003cb\\u003e \\u202e"', '"<b> \u202e"'],
  ['"null"', '"null"'],
  ['["a"]', '["a"]'],
])('the value %j of a change is shown as %j', (exact, text) => {
  expect(textOf(exact)).toBe(text);
});
