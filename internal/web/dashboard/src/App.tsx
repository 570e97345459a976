import { type ReactNode, Suspense } from 'react';
import { Redirect, Route, Router, Switch } from 'wouter';
import { BASE_PATH } from './api/base';
import { Boundary } from './frame/Boundary';
import { Frame } from './frame/Frame';
import { NotFound } from './frame/NotFound';
import { Session } from './frame/Session';
import { useScope } from './frame/viewer';
import { IS_PORTAL, PORTAL_PATH } from './portal/code';
import {
  DeliveriesScreen,
  DeliveryScreen,
  DevelopersScreen,
  EventScreen,
  EventsScreen,
  EventTypeScreen,
  EventTypesScreen,
  HomeScreen,
  IssuesScreen,
  NewReplayScreen,
  OperateScreen,
  Portal,
  ReplayScreen,
  ReplaysScreen,
  WebhookScreen,
  WebhooksScreen,
} from './screens';

/** The first screen that the token may see. */
function StartScreen() {
  const mayRead = useScope('DELIVERIES_READ');
  const mayPublish = useScope('EVENTS_PUBLISH');
  const mayReadWebhooks = useScope('WEBHOOKS_READ');
  const mayOperate = useScope('ADMIN');
  if (mayRead) return <HomeScreen />;
  if (mayReadWebhooks) return <Redirect to="/webhooks" replace />;
  if (mayPublish) return <Redirect to="/events" replace />;
  return <Redirect to={mayOperate ? '/operate' : '/webhooks'} replace />;
}

/** The session around the screens: that of a token, or of the customer portal. */
function Caller({ children }: { children: ReactNode }) {
  if (!IS_PORTAL) return <Session>{children}</Session>;
  return (
    <Boundary path={PORTAL_PATH}>
      <Suspense fallback={null}>
        <Portal>{children}</Portal>
      </Suspense>
    </Boundary>
  );
}

/** Which screen an address shows. The server knows the first word of each (dashboard.go). */
export function App() {
  return (
    <Router base={IS_PORTAL ? PORTAL_PATH : BASE_PATH}>
      <Caller>
        <Frame>
          <Switch>
            <Route path="/" component={StartScreen} />
            <Route path="/deliveries" component={DeliveriesScreen} />
            <Route path="/deliveries/:id">{({ id }) => <DeliveryScreen key={id} id={id} />}</Route>
            <Route path="/events" component={EventsScreen} />
            <Route path="/events/:id">{({ id }) => <EventScreen key={id} id={id} />}</Route>
            <Route path="/event-types" component={EventTypesScreen} />
            <Route path="/event-types/:name">
              {({ name }) => <EventTypeScreen key={name} name={name} />}
            </Route>
            <Route path="/webhooks" component={WebhooksScreen} />
            <Route path="/webhooks/:id/:tab?">
              {({ id, tab }) => <WebhookScreen key={id} id={id} tab={tab ?? 'overview'} />}
            </Route>
            <Route path="/issues" component={IssuesScreen} />
            <Route path="/replays" component={ReplaysScreen} />
            <Route path="/replays/new" component={NewReplayScreen} />
            <Route path="/replays/:id">{({ id }) => <ReplayScreen key={id} id={id} />}</Route>
            <Route path="/developers/:tab?">
              {({ tab }) => <DevelopersScreen tab={tab ?? 'debugger'} />}
            </Route>
            <Route path="/operate/:tab?">{({ tab }) => <OperateScreen tab={tab ?? 'tokens'} />}</Route>
            <Route component={NotFound} />
          </Switch>
        </Frame>
      </Caller>
    </Router>
  );
}
