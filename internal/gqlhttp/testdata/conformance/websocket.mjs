// Talks to the server as graphql-ws does. Usage: node websocket.mjs URL TOKEN
import assert from 'node:assert/strict';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [url, token] = process.argv.slice(2);
const client = (options = {}) =>
  createClient({ url, webSocketImpl: WebSocket, connectionParams: { token }, retryAttempts: 0, ...options });

async function collect(c, payload) {
  const results = [];
  for await (const result of c.iterate(payload)) results.push(result);
  return results;
}

const c = client({ keepAlive: 20 });

// A query, a mutation and a subscription on one connection, at once.
const [query, mutation, ticks] = await Promise.all([
  collect(c, { query: 'query($n: String) { hello(name: $n) }', variables: { n: 'ws' } }),
  collect(c, { query: 'mutation { set(value: "x") }' }),
  collect(c, { query: 'subscription { ticks(count: 50) { cursor node } }' }),
]);
assert.deepEqual(query.map((r) => r.data), [{ hello: 'hello ws' }]);
assert.deepEqual(mutation.map((r) => r.data), [{ set: 'x' }]);
assert.deepEqual(ticks.map((r) => r.data.ticks.node), Array.from({ length: 50 }, (_, i) => i + 1));

// What is invalid, or whose source is refused, arrives as GraphQL errors.
for (const document of ['{', '{ nope }', 'subscription { refused { node } }']) {
  await assert.rejects(collect(c, { query: document }), (errors) => Array.isArray(errors) && errors[0].message.length > 0);
}

// A consumer that stops early leaves the connection usable.
for await (const { data } of c.iterate({ query: 'subscription { ticks { node } }' })) {
  assert.equal(data.ticks.node, 1);
  break;
}
assert.equal((await collect(c, { query: '{ hello }' }))[0].data.hello, 'hello');

// The client's pings are answered, while a subscription keeps the connection.
const ponged = new Promise((resolve) => c.on('pong', (received) => received && resolve()));
const stop = c.subscribe({ query: 'subscription { ticks { node } }' }, { next() {}, error() {}, complete() {} });
await ponged;
stop();
await c.dispose();

// A bad token is refused with 4403.
const refused = client({ connectionParams: { token: 'nope' } });
await assert.rejects(collect(refused, { query: '{ hello }' }), (event) => event.code === 4403);
console.log('ok');
