import type { DebugSignatureQuery } from '../gql/graphql';
import { Visible } from '../ui/Visible';
import { difference, hex } from './bytes';

type Answer = NonNullable<DebugSignatureQuery['debugSignature']>;
type Cause = Answer['causes'][number];

interface Props {
  answer: Answer;
  /** Whether it is about a request that was pasted, not about what an attempt sent. */
  isReceived: boolean;
}

/** Whether a request verifies, and if not, why. */
export function Report({ answer, isReceived }: Props) {
  const { valid, scheme, secretId, signed, causes } = answer;
  return (
    <>
      <p className="sentence" data-status={valid ? 'SUCCEEDED' : 'FAILED'} role="status">
        {valid ? (
          <>
            <b>{isReceived ? 'The signature verifies.' : 'What this attempt sent verifies.'}</b>{' '}
            {isReceived
              ? 'If your code refuses this request, tell what it computes.'
              : 'If your receiver refuses it, paste what it received.'}
          </>
        ) : (
          <b>{isReceived ? 'The signature does not verify.' : 'What this attempt sent does not verify.'}</b>
        )}
      </p>
      <ol className="causes">
        {causes.map((cause) => (
          <li key={cause.code + cause.summary}>
            <CauseText cause={cause} />
          </li>
        ))}
      </ol>
      <dl className="facts">
        {scheme && (
          <div>
            <dt>Scheme</dt>
            <dd>{scheme === 'ED25519' ? 'v1a, Ed25519' : 'v1, HMAC-SHA256'}</dd>
          </div>
        )}
        {secretId && (
          <div>
            <dt>Secret that fits</dt>
            <dd>
              <code>{secretId}</code>
            </dd>
          </div>
        )}
        {signed && (
          <div>
            <dt>What is signed</dt>
            <dd>
              <code>
                <Visible text={signed} all />
              </code>{' '}
              and then the raw body
            </dd>
          </div>
        )}
      </dl>
    </>
  );
}

function CauseText({ cause }: { cause: Cause }) {
  const { code, summary, advice, firstDifferentByte: at, received, sent } = cause;
  return (
    <>
      <h2>
        <Visible text={summary.charAt(0).toUpperCase() + summary.slice(1)} />
      </h2>
      <p>
        <Visible text={advice} />
      </p>
      {at !== null && at !== undefined && <Bytes at={at} received={received} sent={sent} />}
      <p>
        <code className="soft">{code}</code>
      </p>
    </>
  );
}

/** Both bodies around the first byte that differs. */
function Bytes({ at, received, sent }: { at: number; received: string; sent: string }) {
  const { before, ofA, ofB, restA, restB } = difference(received, sent);
  const isCut = at > new TextEncoder().encode(before).length;
  const rows = [
    { name: 'Received', character: ofA, rest: restA },
    { name: 'Sent', character: ofB, rest: restB },
  ];
  return (
    <>
      <p>The first byte that differs is byte {at.toLocaleString()}, counted from 0:</p>
      <dl className="bytes">
        {rows.map(({ name, character, rest }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <code>
                {isCut && '…'}
                <Visible text={before} all />
                <mark>{character ? <Visible text={character} all /> : 'end of the body'}</mark>
                <Visible text={rest} all />
              </code>{' '}
              {character && character !== '\ufffd' && <small>bytes {hex(character)}</small>}
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}
