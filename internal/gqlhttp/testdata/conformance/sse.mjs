// Talks to the server as graphql-sse does, in distinct connections mode. Usage: node sse.mjs URL TOKEN
import assert from 'node:assert/strict';
import { createClient } from 'graphql-sse';

const [url, token] = process.argv.slice(2);
const client = (t = token) => createClient({ url, headers: { Authorization: `Bearer ${t}` }, retryAttempts: 0 });

async function collect(c, payload) {
  const results = [];
  for await (const result of c.iterate(payload)) results.push(result);
  return results;
}

const c = client();
assert.deepEqual((await collect(c, { query: 'query($n: String) { hello(name: $n) }', variables: { n: 'sse' } }))[0].data, { hello: 'hello sse' });
assert.deepEqual((await collect(c, { query: 'mutation { set(value: "x") }' }))[0].data, { set: 'x' });
const ticks = await collect(c, { query: 'subscription { ticks(count: 50) { cursor node } }' });
assert.deepEqual(ticks.map((r) => r.data.ticks.node), Array.from({ length: 50 }, (_, i) => i + 1));

for (const document of ['{', '{ nope }', 'subscription { refused { node } }']) {
  const [result] = await collect(c, { query: document });
  assert.ok(result.errors[0].message.length > 0);
  assert.ok(!('data' in result));
}

for await (const { data } of c.iterate({ query: 'subscription { ticks { node } }' })) {
  assert.equal(data.ticks.node, 1);
  break;
}
c.dispose();

await assert.rejects(collect(client('nope'), { query: '{ hello }' }), (err) => err.response.status === 401);
console.log('ok');
