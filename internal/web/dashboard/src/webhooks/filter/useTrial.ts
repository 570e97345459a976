import { useEffect, useState } from 'react';
import { exactly } from '../../api/exact';
import { freshly } from '../../api/freshly';
import { dataProblem } from '../../events/publishing';
import { useSession } from '../../frame/Session';
import { NewestWantedDocument, TryFilterDocument, type TryFilterQuery } from '../../gql/graphql';
import { filterText } from './filter';

/** How long typing pauses before the filter is tried. */
const PAUSE_MS = 300;

export interface Trial {
  preview: NonNullable<TryFilterQuery['previewDelivery']>;
  /** The newest event of the webhook's types, on which it was tried; null if there is none. */
  event: { id: string; type: string; createdAt: string } | null;
}

/** What the typed filter does with the newest events, while it is typed; null until that is known, and for what is not JSON. */
export function useTrial(id: string, types: readonly string[] | null, text: string): Trial | null {
  const { api } = useSession();
  const [trial, setTrial] = useState<{ of: string; is: Trial } | null>(null);
  const sent = filterText(text);
  const isJson = dataProblem(sent) === undefined;
  const key = JSON.stringify(types);

  useEffect(() => {
    if (!isJson) return;
    let over = false;
    const timer = setTimeout(async () => {
      const types = JSON.parse(key) as string[] | null;
      const newest = await freshly(api.client, NewestWantedDocument, { types: types?.length ? types : null });
      const event = newest.data?.events?.nodes[0] ?? null;
      if (over) return;
      const { standIn, context } = exactly(sent);
      const input = { webhookId: id, filter: standIn, ...(event && { eventId: event.id }) };
      const { data } = await freshly(api.client, TryFilterDocument, { input }, context);
      if (!over && data?.previewDelivery)
        setTrial({ of: sent, is: { preview: data.previewDelivery, event } });
    }, PAUSE_MS);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [api, id, key, sent, isJson]);

  return isJson && trial?.of === sent ? trial.is : null;
}
