import { Redirect, Route, Router, Switch } from 'wouter';
import { BASE_PATH } from './api/base';
import { DeliveriesScreen } from './deliveries/DeliveriesScreen';
import { DeliveryScreen } from './delivery/DeliveryScreen';
import { Frame } from './frame/Frame';
import { NotFound } from './frame/NotFound';
import { Session } from './frame/Session';
import { WebhookScreen } from './webhooks/WebhookScreen';
import { WebhooksScreen } from './webhooks/WebhooksScreen';

/** Which screen an address shows. The server knows the first word of each (dashboard.go). */
export function App() {
  return (
    <Router base={BASE_PATH}>
      <Session>
        <Frame>
          <Switch>
            <Route path="/">
              <Redirect to="/deliveries" replace />
            </Route>
            <Route path="/deliveries" component={DeliveriesScreen} />
            <Route path="/deliveries/:id">{({ id }) => <DeliveryScreen key={id} id={id} />}</Route>
            <Route path="/webhooks" component={WebhooksScreen} />
            <Route path="/webhooks/:id/:tab?">
              {({ id, tab }) => <WebhookScreen key={id} id={id} tab={tab ?? 'overview'} />}
            </Route>
            <Route component={NotFound} />
          </Switch>
        </Frame>
      </Session>
    </Router>
  );
}
