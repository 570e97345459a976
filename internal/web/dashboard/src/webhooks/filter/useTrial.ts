import { exactly } from '../../api/exact';
import { freshly } from '../../api/freshly';
import { useSession } from '../../frame/Session';
import { TryFilterDocument, type TryFilterQuery } from '../../gql/graphql';
import { type NewestEvent, useNewest } from '../trial/useNewest';
import { useTried } from '../trial/useTried';

export interface Trial {
  preview: NonNullable<TryFilterQuery['previewDelivery']>;
  /** The newest event of the webhook's types, on which it was tried; null if there is none. */
  event: NewestEvent | null;
}

/** What a filter does with the newest events, while it is typed; null until that is known. filter is its JSON; null for what is not JSON. */
export function useTrial(id: string, types: readonly string[] | null, filter: string | null): Trial | null {
  const { api } = useSession();
  const newest = useNewest(types, 1);
  const event = newest?.[0] ?? null;
  const key = filter === null || newest === null ? null : JSON.stringify([id, event?.id, filter]);
  const tried = useTried(key, async () => {
    const { standIn, context } = exactly(filter ?? 'null');
    const input = { webhookId: id, filter: standIn, ...(event && { eventId: event.id }) };
    return (await freshly(api.client, TryFilterDocument, { input }, context)).data?.previewDelivery;
  });
  return tried?.current ? { preview: tried.preview, event } : null;
}
