import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import { ChooseWebhookDocument } from '../gql/graphql';
import { useAddress } from '../ui/address';
import { Choice, optionOf } from '../ui/Choice';
import { CopyButton } from '../ui/CopyButton';
import { Head } from '../ui/Head';
import { useTitle } from '../ui/title';
import { EXAMPLES, LANGUAGES, type Language } from './examples';
import { WebhookField } from './WebhookField';

/** Code that verifies signatures, in eight languages, as in the documentation. The language and the webhook are in the address. */
export function ExamplesTab() {
  useTitle('Verify signatures');
  const [params, set] = useAddress();
  const language: Language = optionOf(LANGUAGES, params.get('language')) || 'go';
  const webhook = params.get('webhook') ?? '';
  const { files, isOnlyHMAC } = EXAMPLES[language];
  return (
    <>
      <Head title="Verify signatures" document={ChooseWebhookDocument} variables={{ text: null }} />
      <p>
        Act on a request only after its signature has been verified: whoever knows the URL can send requests
        to it. These functions need nothing outside of the language’s library, and are tested with requests
        that Hookgraph’s own code signs. Libraries of Standard Webhooks verify them, too.
      </p>
      <Choice
        name="Language"
        value={language}
        options={LANGUAGES}
        onChange={(language) => set({ language }, true)}
      />
      {files.map((file) => (
        <Example key={file.name} {...file} />
      ))}
      <p>
        {isOnlyHMAC
          ? 'It verifies v1, HMAC-SHA256. The language’s library has no Ed25519: for webhooks that sign with v1a take a package.'
          : 'It verifies v1, HMAC-SHA256, and v1a, Ed25519.'}
      </p>
      <h2>Try it</h2>
      <WebhookField id={webhook} label="With which webhook?" onChange={(webhook) => set({ webhook }, true)} />
      {webhook && (
        <ol>
          <li>
            Its key is the{' '}
            <Link href={`/webhooks/${encodeURIComponent(webhook)}/secrets`}>webhook’s secret</Link>, which
            begins with <code>whsec_</code>. It was shown when the webhook was registered; rotate it if nobody
            kept it.
          </li>
          <li>
            <Link href={`/webhooks/${encodeURIComponent(webhook)}/test`}>Send a test</Link> to it.
          </li>
          <li>
            If the receiver refuses it,{' '}
            <Link href={`/developers?webhook=${encodeURIComponent(webhook)}`}>debug the signature</Link>.
          </li>
        </ol>
      )}
    </>
  );
}

/** A file, which is loaded when it is shown. */
function Example({ name, url }: { name: string; url: string }) {
  const [loaded, setLoaded] = useState<{ text: string } | { problem: string }>();
  useEffect(() => {
    const gone = new AbortController();
    setLoaded(undefined);
    fetch(url, { signal: gone.signal })
      .then(async (response) => {
        if (!response.ok) throw new Error(`The server answered ${response.status}.`);
        setLoaded({ text: await response.text() });
      })
      .catch((error: unknown) => {
        if (!gone.signal.aborted) setLoaded({ problem: String(error) });
      });
    return () => gone.abort();
  }, [url]);
  return (
    <section aria-label={name}>
      <div className="section-head">
        <h2>{name}</h2>
        {loaded && 'text' in loaded && <CopyButton text={loaded.text}>Copy</CopyButton>}
        <a href={url} download={name} className="soft-link">
          Save
        </a>
      </div>
      {loaded && 'problem' in loaded && (
        <p className="alert" role="alert">
          The example could not be loaded. {loaded.problem} The server was probably updated: load the page
          again.
        </p>
      )}
      {loaded && 'text' in loaded && (
        <div className="code">
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
          <pre tabIndex={0} className="source">
            {loaded.text}
          </pre>
        </div>
      )}
    </section>
  );
}
