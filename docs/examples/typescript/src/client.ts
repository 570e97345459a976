import { Hookgraph, WatchAttempts } from '@hookgraph/client';
import { server, token } from './settings.js';

const hookgraph = new Hookgraph({ url: server, token });

// A start time: after a reconnect before the first result, nothing is missed.
const since = new Date().toISOString();
await hookgraph.watch(WatchAttempts, { since }, {
  next: ({ deliveryAttempts: { node } }) => console.log(node.event?.id, node.event?.type, node.webhook?.url, node.status),
  missed: () => console.warn('some attempts are no longer there'),
});
