import { type FormEvent, useCallback, useEffect, useRef, useState } from 'react';
import { type CombinedError, useClient } from 'urql';
import { useScope } from '../frame/viewer';
import { DebugSignatureDocument, type DebugSignatureInput, type DebugSignatureQuery } from '../gql/graphql';
import { useAddress } from '../ui/address';
import { Choice } from '../ui/Choice';
import { Field } from '../ui/Field';
import { Head } from '../ui/Head';
import { Problem } from '../ui/Problem';
import { useShortcut } from '../ui/shortcuts';
import { useTitle } from '../ui/title';
import { UserErrors } from '../ui/UserErrors';
import { AttemptLink } from './AttemptLink';
import { BodyField, type Given } from './BodyField';
import { base64 } from './bytes';
import { headersOf } from './headers';
import { Report } from './Report';
import { WebhookField } from './WebhookField';

type Answer = NonNullable<DebugSignatureQuery['debugSignature']>;

const KINDS = { attempt: 'A delivery attempt', webhook: 'A webhook' } as const;

/** The most characters of a body in a link to GraphiQL. */
const SHORT = 4096;

const FIELDS = ['attemptId', 'webhookId', 'headers', 'body', 'bodyBase64', 'computed', 'at'];

/** Why a signature does not verify. The address has the attempt or the webhook; what was received stays in the page. */
export function DebuggerTab() {
  useTitle('Signature debugger');
  const [params, set] = useAddress();
  const mayRead = useScope('DELIVERIES_READ');
  const mayReadWebhooks = useScope('WEBHOOKS_READ');
  const attempt = params.get('attempt') ?? '';
  const webhook = params.get('webhook') ?? '';
  const kind = mayReadWebhooks && (webhook || params.get('of') === 'webhook') ? 'webhook' : 'attempt';
  const { answer, error, asked, fetching, ask } = useAnswer();
  const [headers, setHeaders] = useState('');
  const [body, setBody] = useState<Given>('');
  const [computed, setComputed] = useState('');
  const [at, setAt] = useState('');
  const first = useRef<HTMLTextAreaElement>(null);
  const result = useRef<HTMLElement>(null);
  useShortcut('/', 'Paste the headers of a request', () => first.current?.focus());

  // The link of an attempt asks at once whether what it sent verifies.
  useEffect(() => {
    if (attempt && kind === 'attempt' && mayRead) void ask({ attemptId: attempt });
  }, [attempt, kind, mayRead, ask]);

  const received = headersOf(headers);
  const isGiven = headers.trim() !== '' || body !== '';
  const input: DebugSignatureInput = {
    ...(kind === 'attempt' ? { attemptId: attempt } : { webhookId: webhook }),
    ...((isGiven || kind === 'webhook') && {
      headers: received,
      ...(typeof body === 'string' ? { body } : { bodyBase64: base64(body.bytes) }),
    }),
    ...(computed.trim() && { computed: computed.trim() }),
    ...(at && { at: new Date(at).toISOString() }),
  };
  const isLong = (typeof body === 'string' ? body.length : body.bytes.length) > SHORT;

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    // On a phone it is below the form.
    void ask(input).then(() =>
      requestAnimationFrame(() => result.current?.scrollIntoView({ block: 'nearest' })),
    );
  }

  const problemOf = (field: string) => answer?.userErrors.find((e) => e.field[1] === field)?.message;
  const wrong =
    headers.trim() && received.length === 0 ? 'No header fields were found in this text.' : undefined;

  return (
    <>
      <Head
        title="Signature debugger"
        document={DebugSignatureDocument}
        variables={{ input: isLong ? { ...input, body: null, bodyBase64: null } : input }}
      />
      <p>
        A receiver refuses a request? Paste its headers and its raw body as your code got them: this says what
        was signed, the first byte that differs, and the usual cause. Nothing is stored.
      </p>
      {!mayRead && (
        <p className="note">
          This is not available: the token does not have the scope <code>DELIVERIES_READ</code>.{' '}
          <code>hookgraph verify</code> finds the same with the webhook’s secret, and needs no token.
        </p>
      )}
      {mayRead && (
        <div className="debugger">
          <form onSubmit={onSubmit}>
            {mayReadWebhooks && (
              <Choice
                name="Compare with"
                value={kind}
                options={KINDS}
                onChange={(of) =>
                  set({ of: of === 'webhook' ? of : null, webhook: null, attempt: null }, true)
                }
              />
            )}
            {kind === 'attempt' ? (
              <Field
                label="ID of the delivery attempt"
                hint="Its page has the link “Debug its signature”. Without headers and a body this says whether what it sent verifies."
                problem={problemOf('attemptId')}
              >
                {(field) => (
                  <input
                    {...field}
                    name="attempt"
                    required
                    spellCheck={false}
                    autoComplete="off"
                    value={attempt}
                    onChange={(event) => set({ attempt: event.target.value.trim() }, true)}
                  />
                )}
              </Field>
            ) : (
              <WebhookField
                id={webhook}
                label="Which webhook received it?"
                problem={problemOf('webhookId')}
                onChange={(id) => set({ webhook: id, of: 'webhook' }, true)}
              />
            )}
            <Field
              label="Received headers"
              hint="As lines, as options of curl or as JSON. Those that begin with webhook- are enough."
              problem={problemOf('headers') ?? wrong}
            >
              {(field) => (
                <textarea
                  {...field}
                  ref={first}
                  name="headers"
                  rows={5}
                  spellCheck={false}
                  value={headers}
                  onChange={(event) => setHeaders(event.target.value)}
                />
              )}
            </Field>
            <BodyField
              given={body}
              problem={problemOf('body') ?? problemOf('bodyBase64')}
              onChange={setBody}
            />
            <details>
              <summary>What your code computes, and when it got the request</summary>
              <Field
                label="Signature that your code computes"
                hint="This then says what your code does: signs another body, takes the secret’s text for its key, and so on."
                problem={problemOf('computed')}
              >
                {(field) => (
                  <input
                    {...field}
                    name="computed"
                    spellCheck={false}
                    autoComplete="off"
                    value={computed}
                    onChange={(event) => setComputed(event.target.value)}
                  />
                )}
              </Field>
              <Field
                label="When it was received"
                hint="In the time of this device. Empty: when the attempt was made, or now."
                problem={problemOf('at')}
              >
                {(field) => (
                  <input
                    {...field}
                    name="at"
                    type="datetime-local"
                    step={1}
                    value={at}
                    onChange={(event) => setAt(event.target.value)}
                  />
                )}
              </Field>
            </details>
            <div className="actions start">
              <button
                type="submit"
                className="primary"
                disabled={fetching || (kind === 'webhook' && !webhook)}
              >
                Debug the signature
              </button>
            </div>
          </form>
          <section ref={result} aria-label="Result" aria-live="polite">
            <Problem
              error={error}
              what="The signature could not be debugged"
              onAgain={() => asked && void ask(asked)}
            />
            <UserErrors errors={answer?.userErrors} except={FIELDS} />
            {asked?.attemptId && <AttemptLink id={asked.attemptId} />}
            {answer && answer.userErrors.length === 0 && (
              <Report answer={answer} isReceived={Boolean(asked?.headers)} />
            )}
          </section>
        </div>
      )}
    </>
  );
}

/** The answer to the last question, and a function that asks another one. */
function useAnswer() {
  const client = useClient();
  const [state, setState] = useState<{
    asked?: DebugSignatureInput;
    answer?: Answer | null | undefined;
    error?: CombinedError | undefined;
    fetching?: boolean;
  }>({});
  const newest = useRef(0);
  const ask = useCallback(
    async (asked: DebugSignatureInput) => {
      const own = ++newest.current;
      setState({ asked, fetching: true });
      const { data, error } = await client
        .query(DebugSignatureDocument, { input: asked }, { requestPolicy: 'network-only' })
        .toPromise();
      if (own === newest.current) setState({ asked, answer: data?.debugSignature, error });
    },
    [client],
  );
  return { ...state, ask };
}
