import { afterEach, expect, test, vi } from 'vitest';
import { EXACT, exactly, quoteExact } from './exact';

afterEach(() => vi.unstubAllGlobals());

/** The text that the page receives for a value from the server. */
function got(value: string): unknown {
  return JSON.parse(quoteExact(`{"data":{"event":{"exactData":${value},"id":"1"}},"extensions":{}}`)).data
    .event;
}

// Values that JSON.parse would change arrive unchanged, and the text after them is intact.
test.each([
  '12345678901234567890.10',
  '1e2',
  'null',
  'true',
  '"\\u0041 \\" \\\\"',
  '""',
  '{}',
  '[]',
  '[[],{"a":[]}]',
  '{"b":1,"a":1.0,"b":2,"text":"}]{[,: \\"exactData\\":1"}',
  '{"exactData":{"exactData":[1]},"c":"exactData"}',
])('keeps %s', (value) => {
  expect(got(value)).toEqual({ exactData: value, id: '1' });
});

// Other members are unchanged, and each of several events gets its own text.
test('finds each', () => {
  const answer = '{"a":"exactData","data":[{"exactData": 1.0 },{"exactData":[2]}],"b":1.0}';
  expect(JSON.parse(quoteExact(answer))).toEqual({
    a: 'exactData',
    data: [{ exactData: '1.0' }, { exactData: '[2]' }],
    b: 1,
  });
  expect(quoteExact('{"data":1.0}')).toBe('{"data":1.0}');
});

// Responses that are not JSON, for example from a proxy, pass unchanged, with their status.
test('passes what is not JSON', async () => {
  vi.stubGlobal(
    'fetch',
    async () => new Response('<h1>"Bad" gateway', { status: 502, headers: { 'X-A': 'b' } }),
  );
  const response = await EXACT.fetch('/');
  expect(response.status).toBe(502);
  expect(response.headers.get('X-A')).toBe('b');
  expect(await response.text()).toBe('<h1>"Bad" gateway');
});

// Data is published exactly as it was typed.
test.each(['1.0', '{"a":1,"a":2}', '"$& $1 $` \\u0041"', ' [1e2] '])('sends %s', async (text) => {
  let sent = '';
  vi.stubGlobal('fetch', async (_: string, init: RequestInit) => {
    sent = String(init.body);
    return new Response('{}');
  });
  const { standIn, context } = exactly(text);
  const body = JSON.stringify({ variables: { type: 'a', data: standIn, tags: ['b'] } });
  await context.fetch('/', { method: 'POST', body });
  expect(sent).toBe(`{"variables":{"type":"a","data":${text},"tags":["b"]}}`);
});

// So are several texts of one operation, whatever people type elsewhere.
test('sends two texts', async () => {
  let sent = '';
  vi.stubGlobal('fetch', async (_: string, init: RequestInit) => {
    sent = String(init.body);
    return new Response('{}');
  });
  const { standIn, others, context } = exactly('1.0', '"exact text 2"');
  const typed = `"exact text ${standIn}`;
  await context.fetch('/', { method: 'POST', body: JSON.stringify({ a: typed, b: standIn, c: others[0] }) });
  expect(sent).toBe(`{"a":${JSON.stringify(typed)},"b":1.0,"c":"exact text 2"}`);
});

test('every alias that begins with exact has its value as text, also null', () => {
  const answer = '{"changes":[{"field":"rate","exactBefore":null,"exactAfter":1.0,"exactly":2,"exact":3}]}';
  expect(JSON.parse(quoteExact(answer))).toEqual({
    changes: [{ field: 'rate', exactBefore: 'null', exactAfter: '1.0', exactly: 2, exact: 3 }],
  });
});
