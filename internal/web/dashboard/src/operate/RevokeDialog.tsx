import { useMutation } from 'urql';
import { useViewer } from '../frame/viewer';
import { RevokeTokenDocument } from '../gql/graphql';
import { Dialog } from '../ui/Dialog';
import { Problem } from '../ui/Problem';
import { UserErrors } from '../ui/UserErrors';
import { Visible } from '../ui/Visible';
import type { Token } from './tokens';

interface Props {
  token: Token;
  onClose(revoked: boolean): void;
}

/** Asks for confirmation before a token is revoked, and explains the consequences. */
export function RevokeDialog({ token, onClose }: Props) {
  const isOwn = useViewer()?.token.id === token.id;
  const [{ data, error, fetching }, revoke] = useMutation(RevokeTokenDocument);

  async function confirm() {
    const { data } = await revoke({ id: token.id });
    if (data?.revokeToken?.token) onClose(true);
  }

  return (
    <Dialog title="Revoke this token?" onClose={() => onClose(false)}>
      <p>
        <b>
          <Visible text={token.name} />
        </b>
        {token.prefix && (
          <>
            {' '}
            (<code>{token.prefix}…</code>)
          </>
        )}
        {token.tenant ? ` of tenant ${token.tenant.name}` : ' of an operator'}
      </p>
      <p>
        Every program that uses this token is refused within a second, and its open connections are closed
        within 5 seconds. This cannot be undone. Webhooks, events and tokens that were created with it stay.
      </p>
      {isOwn && <p className="note">This page uses this token. It will ask you for another one.</p>}
      <Problem error={error} what="The token could not be revoked" />
      <UserErrors errors={data?.revokeToken?.userErrors} />
      <div className="actions">
        <button type="button" onClick={() => onClose(false)}>
          Keep it
        </button>
        <button type="button" className="danger" disabled={fetching} onClick={() => void confirm()}>
          Revoke it
        </button>
      </div>
    </Dialog>
  );
}
