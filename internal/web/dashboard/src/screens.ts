import { type ComponentType, lazy } from 'react';

// Each screen, and a tab that is as large as one, is loaded when it is first shown, and all of them when the browser is idle: then going from one to another
// does not wait, and does not depend on a server that was updated in the meantime.

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
export const EventTypesScreen = screen('EventTypesScreen', () => import('./eventTypes/EventTypesScreen'));
export const EventTypeScreen = screen('EventTypeScreen', () => import('./eventTypes/EventTypeScreen'));
export const WebhooksScreen = screen('WebhooksScreen', () => import('./webhooks/WebhooksScreen'));
export const WebhookScreen = screen('WebhookScreen', () => import('./webhooks/WebhookScreen'));
export const SettingsTab = screen('SettingsTab', () => import('./webhooks/SettingsTab'));
export const TestTab = screen('TestTab', () => import('./webhooks/TestTab'));
export const IssuesScreen = screen('IssuesScreen', () => import('./issues/IssuesScreen'));
export const ReplaysScreen = screen('ReplaysScreen', () => import('./replays/ReplaysScreen'));
export const ReplayScreen = screen('ReplayScreen', () => import('./replays/ReplayScreen'));
export const NewReplayScreen = screen('NewReplayScreen', () => import('./replays/NewReplayScreen'));
export const DevelopersScreen = screen('DevelopersScreen', () => import('./developers/DevelopersScreen'));
export const OperateScreen = screen('OperateScreen', () => import('./operate/OperateScreen'));

/** The session of the customer portal, which nobody else loads. */
export const Portal = lazy(async () => ({ default: (await import('./portal/Portal')).Portal }));

/** Loads all screens when the browser is idle. */
export function loadScreens(): void {
  const soon = globalThis.requestIdleCallback ?? ((run: () => void) => setTimeout(run, 2000));
  soon(() => {
    // A screen that fails to load is loaded again when it is shown.
    for (const load of loads) load().catch(() => {});
  });
}
