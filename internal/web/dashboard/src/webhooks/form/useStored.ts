import { useEffect } from 'react';
import { type OperationContext, type TypedDocumentNode, useQuery } from 'urql';
import { freshly } from '../../api/freshly';
import { useSession } from '../../frame/Session';

/** What is stored of a webhook, which is read again when the webhook has changed: updatedAt is that of its newest version that is known. */
export function useStored<Webhook extends { updatedAt: string }>(
  query: TypedDocumentNode<{ webhook: Webhook | null }, { id: string }>,
  { id, updatedAt }: { id: string; updatedAt: string },
  context?: Partial<OperationContext>,
) {
  const { api } = useSession();
  const [{ data, error }] = useQuery({ query, variables: { id }, context, requestPolicy: 'network-only' });
  const webhook = data?.webhook;
  const read = webhook?.updatedAt;
  useEffect(() => {
    if (read !== undefined && read !== updatedAt) void freshly(api.client, query, { id }, context);
  }, [api, query, id, context, read, updatedAt]);
  return { webhook, error };
}
