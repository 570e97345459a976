import { CredentialsDialog } from '../../../graphiql/src/CredentialsDialog';
import type { Credentials } from '../../../graphiql/src/credentials';
import icon from '../icon.svg';

interface Props {
  /** Whether the server has just refused the current token. */
  refused?: boolean;
  current?: Credentials;
  onSignIn(credentials: Credentials, remember: boolean): void;
  /** Absent if there is no page to return to. */
  onClose?(): void;
}

/** Asks for a token. */
export function SignIn({ refused = false, current, onSignIn, onClose }: Props) {
  return (
    <CredentialsDialog
      title={refused ? 'Sign in again' : 'Sign in to Hookgraph'}
      icon={icon}
      current={{ token: '', tenant: current?.tenant ?? '' }}
      verb="Sign in"
      onSave={onSignIn}
      onClose={onClose}
    >
      {refused ? (
        <p className="alert" role="alert">
          The server did not accept the token. It may have expired or been revoked, or not be for this tenant.
          The page stays as it is.
        </p>
      ) : (
        <p className="soft">
          Paste a token. The server prints one when it first starts; <code>hookgraph token create</code> makes
          others.
        </p>
      )}
    </CredentialsDialog>
  );
}
