import { expect, test } from 'vitest';
import { base64, difference, hex, isChangedByFields, replaced, textOf } from './bytes';
import { listenCommand, quoted } from './command';
import { headersOf } from './headers';

const WANTED = [
  { name: 'Webhook-Id', value: 'a:b' },
  { name: 'webhook-signature', value: 'v1,x v1,y' },
];

// Headers are read in each form in which programs write them.
test.each([
  'Webhook-Id: a:b\nwebhook-signature: v1,x v1,y',
  'POST https://example.com:8443/x HTTP/1.1\r\nWebhook-Id:a:b\r\nwebhook-signature: v1,x v1,y\r\n\r\n',
  '> Webhook-Id: a:b\n> webhook-signature: v1,x v1,y\n>',
  `-H 'Webhook-Id: a:b' \\\n  --header "webhook-signature: v1,x v1,y" \\`,
  '{"Webhook-Id": "a:b", "webhook-signature": ["v1,x v1,y"]}',
  '[["Webhook-Id", "a:b"], ["webhook-signature", "v1,x v1,y"]]',
  '[{"name": "Webhook-Id", "value": "a:b"}, {"key": "webhook-signature", "value": "v1,x v1,y"}]',
  '["Webhook-Id", "a:b", "webhook-signature", "v1,x v1,y"]',
])('headers of %j', (text) => {
  expect(headersOf(text)).toEqual(WANTED);
});

test('text that has no headers has none', () => {
  for (const text of ['', 'nothing', '12', 'null', '[null, 3]', '{}']) expect(headersOf(text)).toEqual([]);
});

test('a repeated header is there twice', () => {
  expect(headersOf('{"a": ["1", "2"]}')).toEqual([
    { name: 'a', value: '1' },
    { name: 'a', value: '2' },
  ]);
});

// Bytes stay what they are, as text and as base64.
test('bytes are exact', () => {
  expect(isChangedByFields('a\nb')).toBe(false);
  expect(isChangedByFields('a\r\nb')).toBe(true);
  const { bytes } = replaced('{"a": ?}', 6, 7, '"\r\n\0\ufeffé"');
  expect(textOf(bytes)).toBe('{"a": "\r\n\0\ufeffé"}');
  expect(textOf(new Uint8Array([0xff]))).toBeNull();
  expect(textOf(new Uint8Array([0xef, 0xbb, 0xbf, 0x61]))).toBe('\ufeffa');
  const all = Uint8Array.from({ length: 20_000 }, (_, i) => i % 256);
  const back = atob(base64(all));
  expect(back.length).toBe(all.length);
  expect(all.every((byte, i) => back.charCodeAt(i) === byte)).toBe(true);
  expect(hex('é\r')).toBe('C3 A9 0D');
});

// The first difference is a whole character, or an end.
test.each([
  ['ab😀c', 'ab😁c', { before: 'ab', ofA: '😀', ofB: '😁', restA: 'c', restB: 'c' }],
  ['ab', 'ab\n', { before: 'ab', ofA: '', ofB: '\n', restA: '', restB: '' }],
  ['', 'x', { before: '', ofA: '', ofB: 'x', restA: '', restB: '' }],
])('difference of %j and %j', (a, b, want) => {
  expect(difference(a, b)).toEqual(want);
});

// Nothing in a field can end its word of a command.
test('words of commands are quoted', () => {
  expect(quoted('http://localhost:3000/hooks')).toBe('http://localhost:3000/hooks');
  expect(quoted('')).toBe("''");
  expect(quoted("a'; rm -rf ~ #")).toBe(`'a'\\''; rm -rf ~ #'`);
  expect(quoted('$(id)\n`id`')).toBe("'$(id)`id`'");
  expect(
    listenCommand({
      server: 'https://hooks.example.com/a/',
      tenant: '',
      forward: 'http://localhost/?a=1&b=2',
      webhook: 'w',
      events: 'order.*, parcel.sent',
      since: '1h',
    }),
  ).toBe(
    "HOOKGRAPH_URL=https://hooks.example.com/a/ hookgraph listen --forward='http://localhost/?a=1&b=2' --webhook=w --type='order.*' --type=parcel.sent --since=1h",
  );
});
