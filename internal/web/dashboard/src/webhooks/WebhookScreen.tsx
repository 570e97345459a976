import { Suspense } from 'react';
import { Link } from 'wouter';
import { useLive } from '../api/useLive';
import { useScope } from '../frame/viewer';
import { WebhookDocument, type WebhookQuery } from '../gql/graphql';
import { OpenIssues } from '../issues/OpenIssues';
import { SettingsTab, TestTab } from '../screens';
import { CopyButton } from '../ui/CopyButton';
import { GraphiqlLink } from '../ui/GraphiqlLink';
import { Missing } from '../ui/Missing';
import { Problem } from '../ui/Problem';
import { useTitle } from '../ui/title';
import { Visible } from '../ui/Visible';
import { SecretsTab } from './SecretsTab';
import { WebhookOverview } from './WebhookOverview';
import { WebhookState } from './WebhookState';

export type Webhook = NonNullable<WebhookQuery['webhook']>;

const TABS = { overview: 'Overview', settings: 'Settings', secrets: 'Secrets', test: 'Test' } as const;

/** A webhook. Its tab is in the address. */
export function WebhookScreen({ id, tab }: { id: string; tab: string }) {
  const { data, error, fetching, reload } = useLive(
    WebhookDocument,
    { id },
    { deliveries: { webhookIds: [id] } },
  );
  const mayWrite = useScope('WEBHOOKS_WRITE');
  const webhook = data?.webhook?.id === id ? data.webhook : null;
  useTitle(webhook ? `Webhook ${webhook.url}` : 'Webhook');

  return (
    <div className="screen">
      <Problem error={error} what="The webhook could not be read" onAgain={reload} />
      {!fetching && !error && data?.webhook === null && (
        <Missing noun="webhook" id={id} why="It may have been deleted." />
      )}
      {webhook && (
        <>
          <div className="head">
            <h1 className="url">
              <Visible text={webhook.url} />
            </h1>
            <WebhookState webhook={webhook} />
            <div className="head-end">
              <CopyButton text={webhook.id}>Copy ID</CopyButton>
              <CopyButton text={() => location.href}>Copy link</CopyButton>
              <GraphiqlLink document={WebhookDocument} variables={{ id }} />
            </div>
          </div>
          <nav className="tabs" aria-label="Webhook">
            {(Object.keys(TABS) as (keyof typeof TABS)[])
              .filter((name) => mayWrite || name === 'overview')
              .map((name) => (
                <Link
                  key={name}
                  href={name === 'overview' ? `/webhooks/${id}` : `/webhooks/${id}/${name}`}
                  aria-current={tab === name ? 'page' : undefined}
                >
                  {TABS[name]}
                </Link>
              ))}
            <Link href={`/deliveries?q=${encodeURIComponent(`webhook:${id}`)}`}>Deliveries</Link>
          </nav>
          <OpenIssues webhookIds={[id]} isOfOne />
          {tab === 'overview' && <WebhookOverview webhook={webhook} onChanged={reload} />}
          {tab === 'secrets' && mayWrite && <SecretsTab webhook={webhook} onChanged={reload} />}
          <Suspense fallback={null}>
            {tab === 'settings' && mayWrite && (
              <SettingsTab
                key={webhook.id}
                webhook={webhook}
                server={data?.server ?? null}
                onChanged={reload}
              />
            )}
            {tab === 'test' && mayWrite && <TestTab id={id} />}
          </Suspense>
        </>
      )}
    </div>
  );
}
