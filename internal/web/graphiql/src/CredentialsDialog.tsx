import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import { type Credentials, isRemembered, problem } from './credentials';

interface Props {
  open: boolean;
  /** Whether the server has just turned the current credentials down. */
  refused: boolean;
  current: Credentials;
  onSave(credentials: Credentials, remember: boolean): void;
  onForget(): void;
  onClose(): void;
}

/** Asks for the token, and for the tenant an operator acts for. */
export function CredentialsDialog(props: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();

  useEffect(() => {
    if (!props.open) return dialog.current?.close();
    dialog.current?.showModal();
    // The dialog focuses its first field, the token; what is typed next replaces it.
    dialog.current?.querySelector('input')?.select();
  }, [props.open]);

  return (
    <dialog ref={dialog} className="credentials" aria-labelledby={titleId} onClose={props.onClose}>
      {/* Mounted each time it opens, so that it starts from the current values. */}
      {props.open && <CredentialsForm {...props} titleId={titleId} />}
    </dialog>
  );
}

function CredentialsForm({
  refused,
  current,
  titleId,
  onSave,
  onForget,
  onClose,
}: Props & { titleId: string }) {
  const id = useId();
  const [token, setToken] = useState(current.token);
  const [tenant, setTenant] = useState(current.tenant);
  const [remember, setRemember] = useState(isRemembered);
  const [error, setError] = useState<string | null>(null);

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    // People paste the whole header.
    const next = { token: token.trim().replace(/^Bearer\s+/i, ''), tenant: tenant.trim() };
    const wrong = problem(next);
    if (wrong) setError(wrong);
    else onSave(next, remember);
  }

  return (
    <form onSubmit={onSubmit}>
      <h2 id={titleId}>Who is calling?</h2>
      {refused ? (
        <p className="hint" role="alert">
          {current.token
            ? 'The server did not accept this token, or not for this tenant. It may be mistyped, expired or revoked.'
            : 'The server answers this only to a caller with a token.'}
        </p>
      ) : (
        <p>
          GraphiQL sends a token with everything it asks, over HTTP and WebSocket. The server prints one when
          it first starts.
        </p>
      )}

      <label htmlFor={`${id}-token`}>Token</label>
      <input
        id={`${id}-token`}
        name="token"
        type="password"
        autoComplete="off"
        spellCheck={false}
        value={token}
        onChange={(event) => setToken(event.target.value)}
        aria-invalid={error !== null}
        aria-describedby={`${id}-error`}
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
        onChange={(event) => setTenant(event.target.value)}
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

      <p id={`${id}-error`} className="hint" role="alert" hidden={error === null}>
        {error}
      </p>

      <div className="actions">
        {current.token !== '' && (
          <button type="button" className="forget" onClick={onForget}>
            Forget token
          </button>
        )}
        <button type="button" onClick={onClose}>
          {current.token ? 'Cancel' : 'Go on without'}
        </button>
        <button type="submit" className="primary">
          Use token
        </button>
      </div>
    </form>
  );
}
