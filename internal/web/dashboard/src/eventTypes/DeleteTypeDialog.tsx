import { useMutation } from 'urql';
import { DeleteEventTypeDocument } from '../gql/graphql';
import { Dialog } from '../ui/Dialog';
import { Problem } from '../ui/Problem';
import { UserErrors } from '../ui/UserErrors';

/** Asks for confirmation before the declaration of a type is deleted, and explains the consequences. */
export function DeleteTypeDialog({ name, onClose }: { name: string; onClose(isDeleted: boolean): void }) {
  const [{ data, error, fetching }, remove] = useMutation(DeleteEventTypeDocument);

  async function confirm() {
    const { data } = await remove({ name });
    if (data?.deleteEventType?.deletedEventTypeId) onClose(true);
  }

  return (
    <Dialog title="Delete this declaration?" onClose={() => onClose(false)}>
      <p>
        The description, the schema and the example of <code>{name}</code> are deleted. Events of it can still
        be published, and are no longer checked. Webhooks receive them as before.
      </p>
      <Problem error={error} what="The declaration could not be deleted" />
      <UserErrors errors={data?.deleteEventType?.userErrors} />
      <div className="actions">
        <button type="button" onClick={() => onClose(false)}>
          Keep it
        </button>
        <button type="button" className="danger" disabled={fetching} onClick={() => void confirm()}>
          Delete it
        </button>
      </div>
    </Dialog>
  );
}
