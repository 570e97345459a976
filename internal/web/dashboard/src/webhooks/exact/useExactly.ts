import { type OperationContext, useMutation } from 'urql';
import { UpdateExactlyDocument, type UpdateWebhookInput } from '../../gql/graphql';

/** Saves a setting of a webhook that is JSON, which is sent as it was typed (exactly). */
export function useExactly(id: string, onChanged: () => void) {
  const [{ data, error, fetching }, update] = useMutation(UpdateExactlyDocument);
  const errors = data?.updateWebhook?.userErrors ?? [];
  return {
    errors,
    error,
    fetching,
    isSaved: !!data?.updateWebhook && errors.length === 0 && !fetching,
    /** Whether it was saved. */
    async save(input: Omit<UpdateWebhookInput, 'id'>, context: Partial<OperationContext>) {
      const result = await update({ input: { id, ...input } }, context);
      const isSaved = result.data?.updateWebhook?.userErrors.length === 0;
      if (isSaved) onChanged();
      return isSaved;
    },
  };
}
