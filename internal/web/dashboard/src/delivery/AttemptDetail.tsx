import { useQuery } from 'urql';
import { Link } from 'wouter';
import { AttemptDocument, type AttemptQuery } from '../gql/graphql';
import { Body } from '../ui/Body';
import { CopyButton } from '../ui/CopyButton';
import { GraphiqlLink } from '../ui/GraphiqlLink';
import { Problem } from '../ui/Problem';
import { Time } from '../ui/Time';
import { Visible } from '../ui/Visible';
import { curl } from './curl';
import { diff, lines } from './diff';
import { Explanation } from './Explanation';
import { Phases } from './Phases';
import { Signature } from './Signature';
import type { AttemptInfo } from './sentence';

type Attempt = NonNullable<AttemptQuery['attempt']>;

interface Props {
  attempt: AttemptInfo;
  /** The attempt before it; undefined for the first. */
  before: AttemptInfo | undefined;
}

/** Everything about one attempt: why it failed, its timings, the request and the response. */
export function AttemptDetail({ attempt, before }: Props) {
  const [{ data, error }, ask] = useQuery({ query: AttemptDocument, variables: { id: attempt.id } });
  const full = data?.attempt?.id === attempt.id ? data.attempt : null;
  return (
    <article className="attempt" aria-labelledby="attempt-title">
      <h2 id="attempt-title">
        Attempt {attempt.number}{' '}
        <span className="soft">
          · <Time at={attempt.startedAt} exact />
        </span>
      </h2>
      <Explanation attempt={attempt} />
      <Phases timings={attempt.timings} />
      <Problem error={error} what="The attempt could not be read" onAgain={ask} />
      {full && (
        <>
          {full.response ? (
            <Response response={full.response} />
          ) : (
            <p className="note">No response was received.</p>
          )}
          {before && <Difference attempt={full} before={before} />}
          <section>
            <div className="section-head">
              <h3>Request</h3>
              <CopyButton text={() => curl(full.request)}>Copy as curl</CopyButton>
              {full.request.signedBy.length > 0 && (
                <Link href={`/developers?attempt=${attempt.id}`} className="soft-link">
                  Debug its signature
                </Link>
              )}
              <GraphiqlLink document={AttemptDocument} variables={{ id: attempt.id }} />
            </div>
            <p className="url">
              POST <Visible text={full.request.url} />
            </p>
            <Headers headers={full.request.headers} name="request" />
            <Signature request={full.request} />
            <Body text={full.request.body} label="request" />
          </section>
        </>
      )}
    </article>
  );
}

function Response({ response }: { response: NonNullable<Attempt['response']> }) {
  return (
    <section>
      <h3>Response: {response.status}</h3>
      <Headers headers={response.headers} name="response" isOpen={tellsMore(response)} />
      {response.truncated && (
        <p className="note">The body is not complete: only its first 64 KiB are kept.</p>
      )}
      {response.bodyBase64 && (
        <p className="note">
          The body is not UTF-8.{' '}
          <CopyButton text={response.bodyBase64}>Copy the exact bytes as base64</CopyButton>
        </p>
      )}
      <Body text={response.body} label="response" />
    </section>
  );
}

/** Whether what the receiver wants is in a header field: where it has moved, when to try again, or how to sign in. */
function tellsMore({ status, headers }: NonNullable<Attempt['response']>): boolean {
  return status >= 300 && headers.some(({ name }) => /^(location|retry-after|www-authenticate)$/i.test(name));
}

interface HeadersProps {
  headers: readonly { name: string; value: string }[];
  name: string;
  isOpen?: boolean;
}

function Headers({ headers, name, isOpen = false }: HeadersProps) {
  return (
    <details className="headers" open={isOpen}>
      <summary>
        {headers.length} header {headers.length === 1 ? 'field' : 'fields'} of the {name}
      </summary>
      <dl>
        {headers.map((header, i) => (
          <div key={i}>
            <dt>
              <Visible text={header.name} />
            </dt>
            <dd>
              <Visible text={header.value} />
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

/** The differences between the response and the one before. */
function Difference({ attempt, before }: { attempt: Attempt; before: AttemptInfo }) {
  const [{ data }] = useQuery({ query: AttemptDocument, variables: { id: before.id } });
  if (data?.attempt?.id !== before.id) return null;
  const changes = diff(lines(data.attempt.response), lines(attempt.response));
  const changed = changes?.filter(({ kind }) => kind !== 'same').length;
  return (
    <details className="difference">
      <summary>
        {changes === null
          ? `The response is too long to compare with that of attempt ${before.number}`
          : changed === 0
            ? `The same response as to attempt ${before.number}`
            : `What is different from the response to attempt ${before.number}`}
      </summary>
      {changes && (
        <section className="code" aria-label="Differences">
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
          <pre tabIndex={0}>
            {changes.map(({ kind, text }, i) => (
              <span key={i} data-change={kind}>
                {kind === 'added' ? '+ ' : kind === 'removed' ? '− ' : '  '}
                <Visible text={text} />
                {'\n'}
              </span>
            ))}
          </pre>
        </section>
      )}
    </details>
  );
}
