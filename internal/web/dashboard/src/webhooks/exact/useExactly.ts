import { useState } from 'react';
import { type OperationContext, useMutation } from 'urql';
import { UpdateExactlyDocument, type UpdateWebhookInput } from '../../gql/graphql';
import { savedVersion, saveOver } from '../form/versions';

/** Saves a setting of a webhook that is JSON, which is sent as it was typed (exactly), unless the webhook has changed since it was read. */
export function useExactly({ id, updatedAt }: { id: string; updatedAt: string }, onChanged: () => void) {
  const [{ data, error, fetching }, update] = useMutation(UpdateExactlyDocument);
  const [from, setFrom] = useState('');
  const saved = data?.updateWebhook;
  const errors = saved?.userErrors ?? [];
  const isRead = updatedAt !== from || saved?.webhook?.updatedAt === from;
  return {
    errors,
    error,
    fetching,
    /** Whether it is saved and read again: before that the next change would be taken for a conflict. */
    isSaved: !!saved && errors.length === 0 && !fetching && isRead,
    /** Whether it was saved. */
    async save(input: Omit<UpdateWebhookInput, 'id' | 'ifUpdatedAt'>, context: Partial<OperationContext>) {
      setFrom(updatedAt);
      const isSaved = await saveOver({ id, updatedAt }, async (ifUpdatedAt) => {
        const { data } = await update({ input: { ...input, id, ifUpdatedAt } }, context);
        return savedVersion(data?.updateWebhook);
      });
      if (isSaved) onChanged();
      return isSaved;
    },
  };
}
