import { BASE } from '../api/base';
import { useSession } from '../frame/Session';
import { ChooseWebhookDocument } from '../gql/graphql';
import { useAddress } from '../ui/address';
import { CopyButton } from '../ui/CopyButton';
import { Field, SelectField } from '../ui/Field';
import { Head } from '../ui/Head';
import { useTitle } from '../ui/title';
import { listenCommand } from './command';
import { WebhookField } from './WebhookField';

const FORWARD = 'http://localhost:3000/hooks';

const SINCE = { '': 'Now', '1h': '1 hour ago', '1d': '1 day ago', '7d': '7 days ago' } as const;
type Since = keyof typeof SINCE;

/** The command that brings deliveries to the developer's own machine. All of its settings are in the address. */
export function ListenTab() {
  useTitle('Listen');
  const [params, set] = useAddress();
  const { caller } = useSession();
  const webhook = params.get('webhook') ?? '';
  const events = params.get('events') ?? '';
  const given = params.get('since') ?? '';
  const since: Since = Object.hasOwn(SINCE, given) ? (given as Since) : '';
  const forward = params.get('forward') ?? FORWARD;
  const isURL = /^https?:\/\/[^\s/]/.test(forward);
  const command = listenCommand({
    server: BASE.href.replace(/\/$/, ''),
    tenant: caller.tenant,
    forward,
    webhook,
    events,
    since,
  });
  return (
    <>
      <Head title="Listen" document={ChooseWebhookDocument} variables={{ text: null }} />
      <p>
        Have what is sent to webhooks sent to a program on your own machine, too, which this server cannot
        reach. Each event arrives once, signed again, in order; nothing is lost while the machine sleeps.
      </p>
      <div className="settings">
        <Field
          label="Forward to"
          hint="The URL of your program on this machine."
          problem={isURL ? undefined : 'It must begin with http:// or https:// and have a host.'}
        >
          {(field) => (
            <input
              {...field}
              name="forward"
              spellCheck={false}
              autoCapitalize="none"
              value={forward}
              onChange={(event) => set({ forward: event.target.value || ' ' }, true)}
            />
          )}
        </Field>
        <Field
          label="Event types"
          hint="Empty for all. Several are separated by spaces; humanization.* is all that begin with humanization."
          problem={undefined}
        >
          {(field) => (
            <input
              {...field}
              name="events"
              spellCheck={false}
              autoCapitalize="none"
              value={events}
              onChange={(event) => set({ events: event.target.value }, true)}
            />
          )}
        </Field>
        <SelectField<Since>
          name="since"
          label="Begin with the attempts from"
          hint="A later run goes on where this one ends."
          problem={undefined}
          options={SINCE}
          value={since}
          onChange={(since) => set({ since }, true)}
        />
        <WebhookField
          id={webhook}
          label="Only what is sent to this webhook (if you choose one)"
          onChange={(webhook) => set({ webhook }, true)}
        />
      </div>
      <h2>The command</h2>
      <div className="code">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
        <pre tabIndex={0} className="command">
          {command}
        </pre>
      </div>
      <CopyButton text={command}>Copy the command</CopyButton>
      <p>
        It reads the token from the variable <code>HOOKGRAPH_TOKEN</code>, which needs the scope{' '}
        <code>DELIVERIES_READ</code>, so that no token is in a command or in the shell’s history. Set it with:
      </p>
      <Command text="read -rs HOOKGRAPH_TOKEN && export HOOKGRAPH_TOKEN" />
      <h2>Without this server</h2>
      <p>
        A receiver that says what is right or wrong with each request, and a program that says why one does
        not verify:
      </p>
      <Command text="HOOKGRAPH_WEBHOOK_SECRET=whsec_… hookgraph listen --addr 127.0.0.1:9000" />
      <Command text="HOOKGRAPH_WEBHOOK_SECRET=whsec_… hookgraph verify --headers headers.txt --body body.bin" />
    </>
  );
}

function Command({ text }: { text: string }) {
  return (
    <>
      <div className="code">
        <pre>{text}</pre>
      </div>
      <CopyButton text={text}>Copy</CopyButton>
    </>
  );
}
