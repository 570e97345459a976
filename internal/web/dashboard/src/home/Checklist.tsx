import { type ReactNode, useState } from 'react';
import { Link } from 'wouter';
import { BASE } from '../api/base';
import { CopyButton } from '../ui/CopyButton';

interface Props {
  webhook: string | null;
  published: boolean;
  delivered: boolean;
}

/** The first steps. Each ticks itself when it is done. */
export function Checklist({ webhook, published, delivered }: Props) {
  const [command] = useState(
    () => `curl --request POST --url ${BASE.href}v1/events \\
  --header "Authorization: Bearer $TOKEN" --header 'Content-Type: application/json' \\
  --data '{"type": "order.paid", "data": {"order_id": "order_1"}}'`,
  );
  return (
    <section className="checklist" aria-label="First steps">
      <h2>First steps</h2>
      <ol>
        <Step done={webhook !== null}>
          <Link href="/webhooks">Register a webhook</Link>: the URL that events are sent to, and the types
          that it wants.
        </Step>
        <Step done={published}>
          Publish an event, from your program or by hand, with your token in <code>$TOKEN</code>:
          <div className="code">
            <pre>{command}</pre>
          </div>
          <CopyButton text={command}>Copy</CopyButton>
          {webhook && (
            <>
              {' '}
              or <Link href={`/webhooks/${webhook}/test`}>send a test</Link>.
            </>
          )}
        </Step>
        <Step done={delivered}>
          See it arrive in the <Link href="/deliveries">deliveries</Link>. Verify the signature of each
          request with the webhook’s secret.
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
