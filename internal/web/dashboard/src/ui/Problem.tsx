import type { CombinedError } from 'urql';
import { failureOf, missingScopes } from '../api/failure';

interface Props {
  error: CombinedError | undefined;
  /** What failed, as a clause. */
  what: string;
  onAgain?(): void;
}

/** Shows what failed, whether to try again, and the request ID under which the server's log has the cause. */
export function Problem({ error, what, onAgain }: Props) {
  const failure = failureOf(error);
  const scopes = missingScopes(error);
  return (
    <>
      {failure && (
        <div className="alert" role="alert">
          <p>
            <b>{what}.</b> {failure.message}
          </p>
          {failure.again ? (
            <p>
              It may work in a moment.{' '}
              {onAgain && (
                <button onClick={onAgain} type="button">
                  Try again
                </button>
              )}
            </p>
          ) : (
            <p>Trying the same again will not help.</p>
          )}
          {failure.requestId && (
            <p className="soft">
              Request <code>{failure.requestId}</code>
            </p>
          )}
        </div>
      )}
      {scopes.length > 0 && (
        <p className="note">
          Some of this is not shown: the token does not have{' '}
          {scopes.map((scope, i) => (
            <span key={scope}>
              {i > 0 && ' and '}
              {scope === 'operator' ? (
                'an operator’s rights'
              ) : (
                <>
                  the scope <code>{scope}</code>
                </>
              )}
            </span>
          ))}
          .
        </p>
      )}
    </>
  );
}
