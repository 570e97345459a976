import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, Deliveries, Hookgraph, Overview, PublishEvents, RegisterWebhook, WatchAttempts, WatchDeliveries, WatchStats, Webhooks } from '../dist/index.js';

const { HOOKGRAPH_URL: url = '', HOOKGRAPH_TOKEN: token = '', HOOKGRAPH_RECEIVER: receiver = 'https://example.com/' } = process.env;
assert.ok(url && token, 'set HOOKGRAPH_URL and HOOKGRAPH_TOKEN');
const hookgraph = new Hookgraph({ url, token });

async function publish(type, n) {
  const events = Array.from({ length: n }, (_, i) => ({ type, data: { i } }));
  const { publishEvents } = await hookgraph.request(PublishEvents, { input: { events } });
  assert.deepEqual(publishEvents.userErrors, []);
  return publishEvents.results.map(({ event }) => event.id);
}

test('mutations return their payload, validation errors included', async () => {
  const { createWebhook } = await hookgraph.request(RegisterWebhook, { input: { url: receiver, externalId: 'first' } });
  assert.match(createWebhook.secret, /^whsec_/);
  const again = await hookgraph.request(RegisterWebhook, { input: { url: receiver, externalId: 'first' } });
  assert.deepEqual([createWebhook.created, again.createWebhook.created], [true, false]);
  const refused = await hookgraph.request(RegisterWebhook, { input: { url: 'no url' } });
  assert.deepEqual(refused.createWebhook.userErrors[0].field, ['input', 'url']);
});

test('a stream has every attempt from its start on, and ends with its signal', async () => {
  const over = new AbortController();
  const seen = new Set();
  const since = new Date().toISOString();
  const expected = publish('client.watched', 20);
  await hookgraph.watch(WatchAttempts, { since, filter: { eventTypes: ['client.watched'] } }, {
    next({ deliveryAttempts: { node } }) {
      seen.add(node.event.id);
      if (seen.size === 20) over.abort();
    },
    signal: over.signal,
  });
  assert.deepEqual([...seen].sort(), (await expected).sort());
  await hookgraph.watch(WatchAttempts, {}, { next: assert.fail, signal: AbortSignal.abort() });
});

test('a list stays current, and so do numbers', async () => {
  const filter = { eventTypes: ['client.current'] };
  const over = new AbortController();
  const done = ({ status }) => status === 'SUCCEEDED' && over.abort();
  let published;
  await hookgraph.watch(WatchDeliveries, { filter }, {
    async next({ deliveries: { kind, matches, delivery } }) {
      published ??= assert.equal(kind, 'RESYNC') ?? publish('client.current', 1);
      if (kind === 'RESYNC') (await hookgraph.request(Deliveries, { filter })).deliveries.nodes.forEach(done);
      else if (matches) done(delivery);
    },
    signal: over.signal,
  });
  assert.equal((await published).length, 1);
  const counted = new AbortController();
  await hookgraph.watch(WatchStats, { range: { from: '-PT1H' }, filter }, {
    next: ({ stats: { totals, series } }) => totals.succeeded === 1 && series.some(({ values }) => values.succeeded === 1) && counted.abort(),
    signal: counted.signal,
  });
});

test('queries are typed documents, with variables or without', async () => {
  const { deliveries } = await hookgraph.request(Deliveries, { filter: { eventTypes: ['client.watched'] }, first: 100 });
  assert.equal(deliveries.nodes.length, 20);
  const { webhooks } = await hookgraph.request(Webhooks);
  assert.equal(webhooks.nodes[0].health.failuresInARow, 0);
  const { stats } = await hookgraph.request(Overview, { range: { from: '-PT1H' } });
  assert.ok(stats.totals.events >= 20);
});

test('a refused token ends requests and streams with an error', async () => {
  const stranger = new Hookgraph({ url: `${url}/`, token: async () => 'wrong' });
  await assert.rejects(stranger.request(Webhooks), { name: 'ApiError', code: 'UNAUTHENTICATED' });
  await assert.rejects(stranger.watch(WatchAttempts, {}, { next: assert.fail }), /token is refused/);
});

test('what is not the answer of an API is an error that says so', async () => {
  for (const body of ['<html>', 'null', '{}']) {
    const broken = new Hookgraph({ url, token, fetch: async () => new Response(body, { status: 502 }) });
    await assert.rejects(broken.request(Webhooks), (error) => error instanceof ApiError && /502/.test(error.message));
  }
});

test('a document that the server refuses is an error with its code', async () => {
  await assert.rejects(hookgraph.request(Deliveries, { first: 1000 }), { name: 'ApiError', code: 'BAD_USER_INPUT' });
  await assert.rejects(hookgraph.watch(WatchAttempts, { after: 'no cursor' }, { next: assert.fail }), { code: 'BAD_USER_INPUT' });
});
