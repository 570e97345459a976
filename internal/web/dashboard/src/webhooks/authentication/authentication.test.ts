import { expect, test } from 'vitest';
import { merged } from '../form/merged';
import { canonical, expiry, formOf, inputOf, type Stored, savedOf } from './authentication';

const oauth2: Stored = {
  kinds: ['OAUTH2', 'MUTUAL_TLS'],
  basic: null,
  oauth2: {
    tokenUrl: 'https://tokens.example/',
    clientId: 'id',
    clientAuthentication: 'CLIENT_SECRET_POST',
    scopes: ['a', 'b'],
    audience: null,
    parameters: [{ name: 'resource' }],
  },
  certificate: {
    subject: 'CN=client',
    issuer: 'CN=authority',
    fingerprint: '00',
    notBefore: '2026-01-01T00:00:00Z',
    notAfter: '2026-12-31T00:00:00Z',
  },
};

// Saving without changes keeps what is secret, and the certificate.
test('an authentication comes back as it was', () => {
  expect(inputOf(formOf(oauth2), oauth2)).toEqual({
    basic: null,
    oauth2: {
      tokenUrl: 'https://tokens.example/',
      clientId: 'id',
      clientSecret: null,
      clientAuthentication: 'CLIENT_SECRET_POST',
      scopes: ['a', 'b'],
      audience: null,
      parameters: [{ name: 'resource', value: null }],
    },
  });
  expect(inputOf(formOf(null), null)).toEqual({ basic: null, oauth2: null });
});

// An empty password is one, unless it stands for the stored one of the same user name.
test('passwords', () => {
  const stored: Stored = { kinds: ['BASIC'], basic: { username: 'u' }, oauth2: null, certificate: null };
  expect(inputOf(formOf(stored), stored).basic).toEqual({ username: 'u', password: null });
  expect(inputOf({ ...formOf(stored), username: 'v' }, stored).basic).toEqual({
    username: 'v',
    password: '',
  });
  expect(inputOf({ ...formOf(stored), password: 'p' }, stored).basic).toEqual({
    username: 'u',
    password: 'p',
  });
});

// A value of a parameter may contain the separator.
test('what is typed', () => {
  const form = { ...formOf(oauth2), parameters: 'a=b=c\n\n resource', certificate: 'REMOVE' as const };
  const input = inputOf(form, oauth2);
  expect(input.oauth2?.parameters).toEqual([
    { name: 'a', value: 'b=c' },
    { name: 'resource', value: null },
  ]);
  expect(input.certificate).toBeNull();
  expect(inputOf({ ...form, certificate: 'SET', chain: 'c', privateKey: 'k' }, oauth2).certificate).toEqual({
    chain: 'c',
    privateKey: 'k',
  });
});

// What is secret is sent once, and then stays as it is stored.
test('after saving', () => {
  const form = {
    ...formOf(oauth2),
    clientSecret: 's',
    parameters: 'resource=r\nother=o',
    certificate: 'SET' as const,
    chain: 'c',
    privateKey: 'k',
  };
  expect(savedOf(form)).toEqual({ ...formOf(oauth2), parameters: 'resource\nother' });
});

// A certificate that someone else set is none to replace unseen, though the form does not show which one is stored.
test('a certificate that was replaced meanwhile', () => {
  const before = formOf(oauth2);
  const now = { ...before, fingerprint: '01' };
  const typed = { ...before, certificate: 'SET' as const, chain: 'c', privateKey: 'k' };
  expect(merged(typed, before, now, [], canonical).clashes).toEqual(['certificate']);
  expect(merged(before, before, now, [], canonical)).toEqual({ form: now, clashes: [] });
});

test('certificates that expire soon', () => {
  const now = Date.parse('2026-12-01T00:00:00Z');
  expect(expiry('2026-11-30T00:00:00Z', now)).toContain('has expired');
  expect(expiry('2026-12-01T12:00:00Z', now)).toContain('within a day');
  expect(expiry('2026-12-02T12:00:00Z', now)).toContain('in 1 day.');
  expect(expiry('2026-12-20T00:00:00Z', now)).toContain('in 19 days');
  expect(expiry('2027-12-20T00:00:00Z', now)).toBeUndefined();
});
