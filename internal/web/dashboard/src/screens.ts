import { type ComponentType, lazy } from 'react';

// Each screen is loaded when it is first shown, and all of them when the browser has nothing else to do: then going from one to another
// does not wait, and needs nothing of a server that was updated meanwhile.

type Load<Name extends string, Props> = () => Promise<Record<Name, ComponentType<Props>>>;

const loads: (() => Promise<unknown>)[] = [];

function screen<Name extends string, Props>(name: Name, load: Load<Name, Props>) {
  loads.push(load);
  return lazy(async () => ({ default: (await load())[name] }));
}

export const HomeScreen = screen('HomeScreen', () => import('./home/HomeScreen'));
export const DeliveriesScreen = screen('DeliveriesScreen', () => import('./deliveries/DeliveriesScreen'));
export const DeliveryScreen = screen('DeliveryScreen', () => import('./delivery/DeliveryScreen'));
export const EventsScreen = screen('EventsScreen', () => import('./events/EventsScreen'));
export const EventScreen = screen('EventScreen', () => import('./events/EventScreen'));
export const WebhooksScreen = screen('WebhooksScreen', () => import('./webhooks/WebhooksScreen'));
export const WebhookScreen = screen('WebhookScreen', () => import('./webhooks/WebhookScreen'));
export const ReplaysScreen = screen('ReplaysScreen', () => import('./replays/ReplaysScreen'));
export const ReplayScreen = screen('ReplayScreen', () => import('./replays/ReplayScreen'));
export const NewReplayScreen = screen('NewReplayScreen', () => import('./replays/NewReplayScreen'));
export const OperateScreen = screen('OperateScreen', () => import('./operate/OperateScreen'));

/** Loads all screens when there is time. */
export function loadScreens(): void {
  const soon = globalThis.requestIdleCallback ?? ((run: () => void) => setTimeout(run, 2000));
  soon(() => {
    // One that fails is tried again when it is shown.
    for (const load of loads) load().catch(() => {});
  });
}
