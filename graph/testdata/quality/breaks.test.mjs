import assert from 'node:assert/strict';
import test from 'node:test';
import { breaks } from './breaks.mjs';

const released = `
  type Query { webhook(id: ID!): Webhook  webhooks(first: Int): [Webhook!]! }
  type Webhook { id: ID!  url: String!  note: String }
`;
const changed = (from, to) => released.replace(from, to);

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
