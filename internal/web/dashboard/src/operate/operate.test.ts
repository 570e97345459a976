import { expect, test } from 'vitest';
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
