import { type FormEvent, type ReactNode, useId, useLayoutEffect, useRef, useState } from 'react';
import { type Credentials, isRemembered, problem } from './credentials';

interface Props {
  title: string;
  icon: string;
  /** The initial values of the fields. */
  current: Credentials;
  /** The purpose of the token, or why the current one is not accepted. */
  children: ReactNode;
  /** The label of the submit button. */
  verb: string;
  /** The label of the button that closes the dialog. */
  leave?: string;
  onSave(credentials: Credentials, remember: boolean): void;
  /** Absent if there is no token to forget. */
  onForget?: (() => void) | undefined;
  /** Absent if there is no page to return to. */
  onClose?: (() => void) | undefined;
}

/** Asks for the token, and for the tenant that an operator acts for. The dashboard uses it too. */
export function CredentialsDialog(props: Props) {
  const { title, icon, current, children, verb, leave = 'Cancel', onSave, onForget, onClose } = props;
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const [entered, setEntered] = useState(current);
  const [remember, setRemember] = useState(isRemembered);
  const [error, setError] = useState('');

  useLayoutEffect(() => {
    dialog.current?.showModal();
    // The dialog focuses its first field, the token; what is typed next replaces it.
    dialog.current?.querySelector('input')?.select();
  }, []);

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    // People paste the whole header.
    const token = entered.token.trim().replace(/^Bearer\s+/i, '');
    const next = { token, tenant: entered.tenant.trim() };
    const wrong = token ? problem(next) : 'Paste a token: it begins with hg_.';
    if (wrong) setError(wrong);
    else onSave(next, remember);
  }

  return (
    <dialog
      ref={dialog}
      className="dialog ours"
      aria-labelledby={`${id}-title`}
      onCancel={(event) => !onClose && event.preventDefault()}
      // A browser closes it when Escape is pressed twice, even if the page prevents that.
      onClose={() => (onClose ? onClose() : dialog.current?.showModal())}
    >
      <form onSubmit={onSubmit}>
        <img src={icon} alt="" width="32" height="32" />
        <h2 id={`${id}-title`}>{title}</h2>
        {children}
        <Fields entered={entered} errorId={`${id}-error`} isWrong={error !== ''} onChange={setEntered} />
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
          {onForget && (
            <button type="button" className="danger forget" onClick={onForget}>
              Forget token
            </button>
          )}
          {onClose && (
            <button type="button" onClick={() => dialog.current?.close()}>
              {leave}
            </button>
          )}
          <button type="submit" className="primary">
            {verb}
          </button>
        </div>
      </form>
    </dialog>
  );
}

interface FieldsProps {
  entered: Credentials;
  /** The ID of the element with the error. */
  errorId: string;
  isWrong: boolean;
  onChange(entered: Credentials): void;
}

function Fields({ entered, errorId, isWrong, onChange }: FieldsProps) {
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
        value={entered.token}
        onChange={(event) => onChange({ ...entered, token: event.target.value })}
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
        value={entered.tenant}
        onChange={(event) => onChange({ ...entered, tenant: event.target.value })}
      />
    </>
  );
}
