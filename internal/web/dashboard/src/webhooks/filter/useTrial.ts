import { useEffect, useState } from 'react';
import { useQuery } from 'urql';
import { exactly } from '../../api/exact';
import { freshly } from '../../api/freshly';
import { useSession } from '../../frame/Session';
import {
  NewestWantedDocument,
  type NewestWantedQuery,
  TryFilterDocument,
  type TryFilterQuery,
} from '../../gql/graphql';

/** How long typing pauses before the filter is tried. */
const PAUSE_MS = 300;

export interface Trial {
  preview: NonNullable<TryFilterQuery['previewDelivery']>;
  /** The newest event of the webhook's types, on which it was tried; null if there is none. */
  event: NonNullable<NewestWantedQuery['events']>['nodes'][number] | null;
}

/** What a filter does with the newest events, while it is typed; null until that is known. filter is its JSON; null for what is not JSON. */
export function useTrial(id: string, types: readonly string[] | null, filter: string | null): Trial | null {
  const { api } = useSession();
  const [newest] = useQuery({
    query: NewestWantedDocument,
    variables: { types: types?.length ? [...types] : null },
    requestPolicy: 'network-only',
  });
  const event = newest.data?.events?.nodes[0] ?? null;
  const eventId = event?.id;
  const [tried, setTried] = useState<{ filter: string; preview: Trial['preview'] } | null>(null);

  useEffect(() => {
    if (filter === null || newest.fetching) return;
    let over = false;
    const timer = setTimeout(async () => {
      const { standIn, context } = exactly(filter);
      const input = { webhookId: id, filter: standIn, ...(eventId && { eventId }) };
      const { data } = await freshly(api.client, TryFilterDocument, { input }, context);
      if (!over && data?.previewDelivery) setTried({ filter, preview: data.previewDelivery });
    }, PAUSE_MS);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [api, id, eventId, newest.fetching, filter]);

  return tried && tried.filter === filter ? { preview: tried.preview, event } : null;
}
