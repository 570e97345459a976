import { type ReactNode, useState } from 'react';
import { useMutation } from 'urql';
import { Link } from 'wouter';
import { BASE } from '../api/base';
import { useLive } from '../api/useLive';
import { useSession } from '../frame/Session';
import { useScope } from '../frame/viewer';
import { CreateWebhookDocument, FirstStepsDocument, UpdateWebhookDocument } from '../gql/graphql';
import { CopyButton } from '../ui/CopyButton';
import { keep, kept } from '../ui/kept';
import { Problem } from '../ui/Problem';
import { UserErrors } from '../ui/UserErrors';

const ALL = { deliveries: {} };

const VERIFIED = 'hookgraph:verified';
const TRYING = 'hookgraph:trying';

/** Whether the test receiver is being tried on this device: the first steps then stay after something was delivered. */
export function isTrying(): boolean {
  return kept(TRYING) === 'yes';
}

function publishCommand(token: string): string {
  return `curl --request POST --url ${BASE.href}v1/events \\
  --header "Authorization: Bearer ${token}" --header 'Content-Type: application/json' \\
  --data '{"type": "order.paid", "data": {"order_id": "order_1"}}'`;
}

/**
 * The first steps, until something was delivered, or what is tried with the test receiver is done. Each is ticked when it is done; only the
 * receiver knows whether it verifies signatures, so the user ticks that.
 */
export function Checklist({ published }: { published: boolean }) {
  const { caller, portal } = useSession();
  const { data, reload } = useLive(FirstStepsDocument, {}, ALL);
  const [verified, setVerified] = useState(kept(VERIFIED) !== null);
  const [hidden, setHidden] = useState(false);
  const webhook = data?.webhooks?.nodes[0];
  const receiver = data?.server?.testReceiverUrl ?? null;
  const delivered = (data?.delivered?.nodes.length ?? 0) > 0;
  const tried = receiver !== null && webhook?.url.startsWith(answering(receiver, '')) ? receiver : null;
  if (hidden) return null;
  return (
    <section className="checklist" aria-label="First steps">
      <h2>First steps</h2>
      <ol>
        <Step done={webhook !== undefined}>
          <Link href="/webhooks">Register a webhook</Link>: the URL that events are sent to, and the types
          that it wants.
          {receiver && !webhook && <TryButton url={receiver} onDone={reload} />}
        </Step>
        <Step done={published || delivered}>
          {webhook && (
            <>
              <Link href={`/webhooks/${webhook.id}/test`}>Send a test</Link>, or publish{' '}
            </>
          )}
          {!webhook && 'Publish '}
          an event from your program:
          <div className="code">
            <pre>{publishCommand('hg_…')}</pre>
          </div>
          {!portal && (
            <CopyButton text={publishCommand(caller.token)}>Copy with the token of this page</CopyButton>
          )}
        </Step>
        {!tried && (
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
        )}
        <Step done={delivered}>
          See it arrive in the <Link href="/deliveries">deliveries</Link>.
        </Step>
        {tried && webhook && (
          <Breaking
            webhook={webhook}
            receiver={tried}
            failed={webhook.failed?.nodes[0]?.delivery}
            onDone={reload}
          />
        )}
      </ol>
      {isTrying() && (
        <button
          type="button"
          onClick={() => {
            keep(TRYING, 'no');
            setHidden(true);
          }}
        >
          Hide these steps
        </button>
      )}
    </section>
  );
}

/** The URL of the test receiver with which it answers so. */
function answering(receiver: string, how: string): string {
  return receiver.slice(0, receiver.lastIndexOf('/') + 1) + how;
}

/** Registers a webhook to the test receiver. */
function TryButton({ url, onDone }: { url: string; onDone(): void }) {
  const may = useScope('WEBHOOKS_WRITE');
  const [{ data, error, fetching }, create] = useMutation(CreateWebhookDocument);
  if (!may) return null;
  return (
    <p>
      Nothing that receives yet?{' '}
      <button
        type="button"
        disabled={fetching}
        onClick={() =>
          void create({ input: { url, description: 'Test receiver' } }).then(({ data }) => {
            if (data?.createWebhook?.webhook) keep(TRYING, 'yes');
            onDone();
          })
        }
      >
        Try it with the test receiver
      </button>
      <Problem error={error} what="The webhook could not be registered" />
      <UserErrors errors={data?.createWebhook?.userErrors} />
    </p>
  );
}

interface BreakingProps {
  webhook: { id: string; url: string };
  receiver: string;
  /** The delivery of the last failed attempt. */
  failed: { id: string; status: string } | undefined | null;
  onDone(): void;
}

/** What shows a failure, and its end. */
function Breaking({ webhook, receiver, failed, onDone }: BreakingProps) {
  const [{ data, error, fetching }, update] = useMutation(UpdateWebhookDocument);
  const broken = webhook.url !== receiver;
  const set = (how: string) =>
    void update({ input: { id: webhook.id, url: answering(receiver, how) } }).then(onDone);
  return (
    <>
      <Step done={Boolean(failed)}>
        Break it:{' '}
        <button type="button" disabled={fetching || broken} onClick={() => set('503')}>
          Let the receiver answer 503
        </button>
        , and <Link href={`/webhooks/${webhook.id}/test`}>send a test</Link> again.
      </Step>
      <Step done={failed?.status === 'SUCCEEDED'}>
        {failed ? <Link href={`/deliveries/${failed.id}`}>See why it failed</Link> : 'See why it failed'},
        then mend it:{' '}
        <button type="button" disabled={fetching || !broken} onClick={() => set('200')}>
          Let the receiver answer 200
        </button>
        , and retry the delivery.
        <Problem error={error} what="The webhook could not be changed" />
        <UserErrors errors={data?.updateWebhook?.userErrors} />
      </Step>
    </>
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
