import { type ReactNode, useState } from 'react';
import { Link } from 'wouter';
import { BASE } from '../api/base';
import { useLive } from '../api/useLive';
import { useSession } from '../frame/Session';
import { FirstWebhookDocument } from '../gql/graphql';
import { CopyButton } from '../ui/CopyButton';
import { keep, kept } from '../ui/kept';

const ALL = { deliveries: {} };

const VERIFIED = 'hookgraph:verified';

function publishCommand(token: string): string {
  return `curl --request POST --url ${BASE.href}v1/events \\
  --header "Authorization: Bearer ${token}" --header 'Content-Type: application/json' \\
  --data '{"type": "order.paid", "data": {"order_id": "order_1"}}'`;
}

/**
 * The first steps, until something was delivered. Each is ticked when it is done; only the receiver knows whether it verifies signatures,
 * so the user ticks that.
 */
export function Checklist({ published }: { published: boolean }) {
  const { caller } = useSession();
  const { data } = useLive(FirstWebhookDocument, {}, ALL);
  const webhook = data?.webhooks?.nodes[0]?.id ?? null;
  const [verified, setVerified] = useState(kept(VERIFIED) !== null);
  return (
    <section className="checklist" aria-label="First steps">
      <h2>First steps</h2>
      <ol>
        <Step done={webhook !== null}>
          <Link href="/webhooks">Register a webhook</Link>: the URL that events are sent to, and the types
          that it wants.
        </Step>
        <Step done={published}>
          {webhook && (
            <>
              <Link href={`/webhooks/${webhook}/test`}>Send a test</Link>, or publish{' '}
            </>
          )}
          {!webhook && 'Publish '}
          an event from your program:
          <div className="code">
            <pre>{publishCommand('hg_…')}</pre>
          </div>
          <CopyButton text={publishCommand(caller.token)}>Copy with the token of this page</CopyButton>
        </Step>
        <Step done={verified}>
          Verify the signature of each request in the receiver, with the webhook’s secret and a library of
          Standard Webhooks.{' '}
          {!verified && (
            <button
              type="button"
              onClick={() => {
                keep(VERIFIED, 'yes');
                setVerified(true);
              }}
            >
              It does
            </button>
          )}
        </Step>
        <Step done={false}>
          See it arrive in the <Link href="/deliveries">deliveries</Link>.
        </Step>
      </ol>
    </section>
  );
}

function Step({ done, children }: { done: boolean; children: ReactNode }) {
  return (
    <li data-done={done}>
      <span className="tick" aria-hidden="true">
        {done ? '✓' : ''}
      </span>
      <div>
        {done && <span className="unseen">Done: </span>}
        {children}
      </div>
    </li>
  );
}
