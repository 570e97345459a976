import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { breaks } from './breaks.mjs';
import { restBreaks } from './rest.mjs';

const schema = `
  type Query { webhook(id: ID!): Webhook  webhooks(first: Int): [Webhook!]! }
  type Webhook { id: ID!  url: String!  note: String }
`;
const openapi = JSON.parse(readFileSync(new URL('../../../internal/web/openapi.json', import.meta.url), 'utf8'));
const released = { schema, openapi };
const changed = (from, to) => ({ schema: schema.replace(from, to), openapi });

test('what breaks no client is no break', async () => {
  assert.deepEqual(await breaks(released, released), []);
  assert.deepEqual(await breaks(released, changed('note: String', 'note: String more: Int')), []);
});

test('what breaks a client is named', async () => {
  assert.match((await breaks(released, changed('note: String', ''))).join(), /^Webhook\.note: /);
  assert.match((await breaks(released, changed('url: String!', 'url: String'))).join(), /^Webhook\.url: /);
  assert.match((await breaks(released, changed('first: Int', 'first: Int!'))).join(), /^Query\.webhooks\.first: /);
});

test('a break is accepted with a reason, as long as it is one', async () => {
  const accepted = { 'Webhook.note': 'why' };
  assert.deepEqual(await breaks(released, changed('note: String', ''), accepted), []);
  assert.match((await breaks(released, released, accepted)).join(), /^Webhook\.note: .*nothing breaks there/);
});

/** A document with one operation. */
const rest = ({ parameters = [], sent = {}, read = {}, schemas = {} } = {}) => ({
  paths: {
    '/v1/things': {
      parameters,
      post: {
        requestBody: { content: { 'application/json': { schema: { type: 'object', additionalProperties: false, ...sent } } } },
        responses: { 201: { content: { 'application/json': { schema: { type: 'object', ...read } } } }, 404: {} },
      },
    },
  },
  components: { schemas },
});
const text = { type: 'string' };
const size = { name: 'size', in: 'query', schema: { type: 'integer', maximum: 10 } };
const tree = (more = {}) => ({ Tree: { type: 'object', properties: { left: { $ref: '#/components/schemas/Tree' }, ...more } } });
const at = 'POST /v1/things';

const rows = [
  [{}, { parameters: [size] }, []],
  [{ parameters: [size] }, { parameters: [{ ...size, schema: { type: ['integer', 'null'] } }] }, []],
  [{ sent: { properties: { a: text } } }, { sent: { properties: { a: text, b: text } } }, []],
  [{ sent: { properties: { a: text }, required: ['a'] } }, { sent: { properties: { a: text } } }, []],
  [{ read: { properties: { a: text } } }, { read: { properties: { a: text, b: text }, required: ['b'] } }, []],
  [{ read: { properties: { a: { enum: ['x'] } } } }, { read: { properties: { a: { enum: ['x', 'y'] } } } }, []],
  [{ sent: { properties: { a: { anyOf: [text] } } } }, { sent: { properties: { a: { anyOf: [text, { type: 'null' }] } } } }, []],
  [{ parameters: [size] }, {}, [`${at} query size: the parameter is gone`]],
  [{}, { parameters: [{ ...size, required: true }] }, [`${at} query size: a new parameter is required`]],
  [{ parameters: [size] }, { parameters: [{ ...size, schema: { type: 'integer', maximum: 9 } }] }, [`${at} query size: maximum is 9, and was 10`]],
  [{ sent: { properties: { a: text } } }, {}, [`${at} request.a: the field is gone`]],
  [{ sent: { properties: { a: text } } }, { sent: { properties: { a: text }, required: ['a'] } }, [`${at} request.a: it is required`]],
  [{ sent: { properties: { a: { enum: ['x', 'y'] } } } }, { sent: { properties: { a: { enum: ['x'] } } } }, [`${at} request.a: "y" is not accepted any more`]],
  [{ sent: { additionalProperties: true } }, {}, [`${at} request: unknown fields are refused`]],
  [{ sent: { properties: { a: { anyOf: [text, { type: 'null' }] } } } }, { sent: { properties: { a: text } } }, [`${at} request.a: an alternative is not accepted any more`]],
  [{ read: { properties: { a: text } } }, {}, [`${at} 201.a: the field is gone`]],
  [{ read: { properties: { a: text } } }, { read: { properties: { a: { type: ['string', 'null'] } } } }, [`${at} 201.a: it may be null`]],
  [{ read: { properties: { a: text }, required: ['a'] } }, { read: { properties: { a: text } } }, [`${at} 201.a: it may be absent`]],
  [
    { read: { properties: { t: { $ref: '#/components/schemas/Tree' } } }, schemas: tree({ a: text }) },
    { read: { properties: { t: { $ref: '#/components/schemas/Tree' } } }, schemas: tree() },
    [`${at} 201.t.a: the field is gone`],
  ],
];

test('what breaks a client of REST is named', () => {
  for (const [before, after, want] of rows) {
    const found = restBreaks(rest(before), rest(after)).map((c) => `${c.path}: ${c.message}`);
    assert.deepEqual(found, want);
  }
});

test('an operation, a status or a content type that is gone breaks clients', () => {
  const gone = (change) => {
    const after = rest();
    change(after.paths);
    return restBreaks(rest(), after).map((c) => `${c.path}: ${c.message}`);
  };
  assert.deepEqual(gone((paths) => delete paths['/v1/things']), [`${at}: it is gone`]);
  assert.deepEqual(gone((paths) => delete paths['/v1/things'].post.responses[201]), [`${at} 201: the status is gone`]);
  assert.deepEqual(gone((paths) => delete paths['/v1/things'].post.responses[201].content['application/json']), [`${at} 201: application/json is gone`]);
  assert.deepEqual(gone((paths) => delete paths['/v1/things'].post.responses[404]), []);
});
