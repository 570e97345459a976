import { type FormEvent, useId, useLayoutEffect, useRef, useState } from 'react';
import { type Credentials, isRemembered, problem } from '../../../graphiql/src/credentials';
import icon from '../icon.svg';

interface Props {
  /** Whether the server has just refused the current token. */
  refused?: boolean;
  current?: Credentials;
  onSignIn(credentials: Credentials, remember: boolean): void;
  /** Absent: there is no page to go back to. */
  onClose?(): void;
}

/** Asks for a token. */
export function SignIn({ refused = false, current, onSignIn, onClose }: Props) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const [token, setToken] = useState('');
  const [tenant, setTenant] = useState(current?.tenant ?? '');
  const [remember, setRemember] = useState(isRemembered);
  const [error, setError] = useState('');

  useLayoutEffect(() => dialog.current?.showModal(), []);

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    // People paste the whole header.
    const next = { token: token.trim().replace(/^Bearer\s+/i, ''), tenant: tenant.trim() };
    if (!next.token) setError('Paste a token: it begins with hg_.');
    else if (problem(next)) setError(problem(next) ?? '');
    else onSignIn(next, remember);
  }

  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={`${id}-title`}
      onCancel={(event) => !onClose && event.preventDefault()}
      onClose={onClose}
    >
      <form onSubmit={onSubmit}>
        <img src={icon} alt="" width="32" height="32" />
        <h2 id={`${id}-title`}>{refused ? 'Sign in again' : 'Sign in to Hookgraph'}</h2>
        {refused ? (
          <p className="alert" role="alert">
            The server did not accept the token. It may have expired or been revoked, or not be for this
            tenant. The page stays as it is.
          </p>
        ) : (
          <p className="soft">
            Paste a token. The server prints one when it first starts; <code>hookgraph token create</code>{' '}
            makes others.
          </p>
        )}

        <TokenFields
          token={token}
          tenant={tenant}
          errorId={`${id}-error`}
          isWrong={error !== ''}
          onToken={setToken}
          onTenant={setTenant}
        />
        <label className="check">
          <input
            name="remember"
            type="checkbox"
            checked={remember}
            onChange={(event) => setRemember(event.target.checked)}
          />
          <span>
            Remember on this device <small>otherwise until this browser tab closes</small>
          </span>
        </label>

        <p id={`${id}-error`} className="alert" role="alert" hidden={error === ''}>
          {error}
        </p>

        <div className="actions">
          {onClose && (
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
          )}
          <button type="submit" className="primary">
            Sign in
          </button>
        </div>
      </form>
    </dialog>
  );
}

interface FieldsProps {
  token: string;
  tenant: string;
  /** The element that says what is wrong. */
  errorId: string;
  isWrong: boolean;
  onToken(token: string): void;
  onTenant(tenant: string): void;
}

function TokenFields({ token, tenant, errorId, isWrong, onToken, onTenant }: FieldsProps) {
  const id = useId();
  return (
    <>
      <label htmlFor={`${id}-token`}>Token</label>
      <input
        id={`${id}-token`}
        name="token"
        type="password"
        autoComplete="off"
        spellCheck={false}
        value={token}
        onChange={(event) => onToken(event.target.value)}
        aria-invalid={isWrong}
        aria-describedby={errorId}
      />
      <label htmlFor={`${id}-tenant`}>
        Tenant <small>optional: the one an operator's token acts for</small>
      </label>
      <input
        id={`${id}-tenant`}
        name="tenant"
        type="text"
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        value={tenant}
        onChange={(event) => onTenant(event.target.value)}
      />
    </>
  );
}
