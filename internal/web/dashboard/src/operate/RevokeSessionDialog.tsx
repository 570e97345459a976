import { useMutation } from 'urql';
import { RevokePortalSessionDocument } from '../gql/graphql';
import { Dialog } from '../ui/Dialog';
import { Problem } from '../ui/Problem';
import { UserErrors } from '../ui/UserErrors';
import { Visible } from '../ui/Visible';
import type { PortalSession } from './PortalTab';

interface Props {
  session: PortalSession;
  onClose(revoked: boolean): void;
}

/** Asks for confirmation before a portal session is revoked, and explains the consequences. */
export function RevokeSessionDialog({ session, onClose }: Props) {
  const [{ data, error, fetching }, revoke] = useMutation(RevokePortalSessionDocument);
  const isOpen = session.status === 'ACTIVE';

  async function confirm() {
    const { data } = await revoke({ id: session.id });
    if (data?.revokePortalSession?.portalSession) onClose(true);
  }

  return (
    <Dialog title={isOpen ? 'Revoke this session?' : 'Revoke this link?'} onClose={() => onClose(false)}>
      <p>
        <b>
          <Visible text={session.label} />
        </b>
        {session.tenant && ` of tenant ${session.tenant.name}`}
      </p>
      <p>
        {isOpen
          ? 'The page that uses it ends within 5 seconds and says so. What was changed with it stays. The customer can open the portal again with another link.'
          : 'The link can no longer be opened.'}
      </p>
      <Problem error={error} what="It could not be revoked" />
      <UserErrors errors={data?.revokePortalSession?.userErrors} />
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
