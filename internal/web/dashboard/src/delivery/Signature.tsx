import type { AttemptQuery } from '../gql/graphql';
import { CopyButton } from '../ui/CopyButton';
import { Visible } from '../ui/Visible';
import { signatures, signedContent } from './signature';

type Request = NonNullable<AttemptQuery['attempt']>['request'];

/** The length of the excerpt: the whole body is shown below. */
const SHOWN = 200;

/** What was signed, and by which secrets. */
export function Signature({ request }: { request: Request }) {
  const content = signedContent(request);
  if (content === null) return <p className="soft">It was not signed.</p>;
  const signed = signatures(request);
  return (
    <details className="headers">
      <summary>Signed by {signed.length === 1 ? 'one secret' : `${signed.length} secrets`}</summary>
      <p>
        What was signed: the ID, the timestamp and the body, with dots between them.{' '}
        <CopyButton text={content}>Copy what was signed</CopyButton>
      </p>
      <pre className="wraps">
        <Visible text={content.length > SHOWN ? `${content.slice(0, SHOWN)}…` : content} />
      </pre>
      <dl>
        {signed.map(({ secret, signature }) => (
          <div key={signature}>
            <dt>
              Secret <code>{secret}</code>
            </dt>
            <dd>
              <code>
                <Visible text={signature} />
              </code>
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
