import type { TokenScope } from '../gql/graphql';
import type { Viewer } from './viewer';

interface Screen {
  path: string;
  name: string;
  /** The scopes of which one is sufficient to see something there; none if every token sees something. */
  scopes: readonly TokenScope[];
}

const SCREENS: readonly Screen[] = [
  { path: '/', name: 'Home', scopes: ['DELIVERIES_READ'] },
  { path: '/deliveries', name: 'Deliveries', scopes: ['DELIVERIES_READ'] },
  { path: '/events', name: 'Events', scopes: ['DELIVERIES_READ', 'EVENTS_PUBLISH'] },
  { path: '/webhooks', name: 'Webhooks', scopes: ['WEBHOOKS_READ'] },
  { path: '/event-types', name: 'Event types', scopes: ['WEBHOOKS_READ'] },
  { path: '/issues', name: 'Issues', scopes: ['WEBHOOKS_READ'] },
  { path: '/replays', name: 'Replays', scopes: ['DELIVERIES_READ'] },
  { path: '/developers', name: 'Developers', scopes: [] },
  { path: '/operate', name: 'Operate', scopes: ['ADMIN'] },
];

/** The screens that the caller's token may see. */
export function screensOf(viewer: Viewer): readonly Screen[] {
  return SCREENS.filter(
    ({ scopes }) => scopes.length === 0 || scopes.some((scope) => viewer.token.scopes.includes(scope)),
  );
}
