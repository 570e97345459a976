import { expect, test } from 'vitest';
import { curl } from './curl';
import { diff, lines } from './diff';
import { phases } from './phases';
import { signatures, signedContent } from './signature';

// The command sends the same bytes, whatever is in them.
test('curl quotes for a shell', () => {
  expect(
    curl({
      url: "https://example.com/it's",
      headers: [{ name: 'webhook-id', value: '$(id) `id`' }],
      body: '{"a":"it\'s"}\n',
    }),
  ).toBe(
    "curl --request POST --url 'https://example.com/it'\\''s' \\\n" +
      "  --header 'webhook-id: $(id) `id`' \\\n" +
      "  --data-raw '{\"a\":\"it'\\''s\"}\n'",
  );
});

test('tells what is different', () => {
  const before = lines({ status: 500, headers: [{ name: 'Date', value: '1' }], body: 'a\nb' });
  const after = lines({ status: 200, headers: [{ name: 'date', value: '1' }], body: 'a\nc' });
  expect(diff(before, after)?.map(({ kind, text }) => `${kind} ${text}`)).toEqual([
    'removed HTTP 500',
    'added HTTP 200',
    'same date: 1',
    'same ',
    'same a',
    'removed b',
    'added c',
  ]);
  expect(diff(lines(null), lines(null))?.every(({ kind }) => kind === 'same')).toBe(true);
  expect(diff(Array(501).fill('x'), ['x'])).toBeNull();
});

// The phases add up to the total, with and without a response.
test.each([
  [{ dnsMs: 1, connectMs: 2, tlsMs: 3, firstByteMs: 10, totalMs: 12 }, [1, 2, 3, 4, 2]],
  [{ dnsMs: 0, connectMs: 0, tlsMs: 0, firstByteMs: 4, totalMs: 4 }, [4]],
  [{ dnsMs: 5, connectMs: 0, tlsMs: 0, firstByteMs: 0, totalMs: 5 }, [5]],
  [{ dnsMs: 1, connectMs: 1, tlsMs: 1, firstByteMs: 0, totalMs: 9 }, [1, 1, 1, 6]],
])('phases of %j', (timings, want) => {
  expect(phases(timings).map(({ ms }) => ms)).toEqual(want);
});

// The signed text is the one that a receiver verifies, and each signature has its secret.
test('signature', () => {
  const request = {
    headers: [
      { name: 'Webhook-Id', value: 'e1' },
      { name: 'Webhook-Timestamp', value: '1700000000' },
      { name: 'Webhook-Signature', value: 'v1,aaa v1a,bbb' },
    ],
    signedBy: ['s1', 's2'],
    body: '{"n": 1.10}',
  };
  expect(signedContent(request)).toBe('e1.1700000000.{"n": 1.10}');
  expect(signatures(request)).toEqual([
    { secret: 's1', signature: 'v1,aaa' },
    { secret: 's2', signature: 'v1a,bbb' },
  ]);
  expect(signedContent({ ...request, signedBy: [] })).toBeNull();
});
