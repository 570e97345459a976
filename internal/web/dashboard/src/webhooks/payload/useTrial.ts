import { useState } from 'react';
import { exactly } from '../../api/exact';
import { freshly } from '../../api/freshly';
import { useSession } from '../../frame/Session';
import { type PayloadFormat, TryPayloadDocument, type TryPayloadQuery } from '../../gql/graphql';
import type { UserError } from '../exact/problems';
import { type NewestEvent, useNewest } from '../trial/useNewest';
import { useTried } from '../trial/useTried';

/** How many of the newest events can be chosen. */
const RECENT = 10;

interface Settings {
  format: PayloadFormat;
  fields: string[] | null;
  /** JSON; "null" for none. */
  template: string;
}

export interface Trial {
  /** The events to choose from; null until they are read. */
  events: readonly NewestEvent[] | null;
  chosen: NewestEvent | null;
  choose(id: string): void;
  /** The request; null if there is no event, and while what is wrong is in errors. */
  request: NonNullable<TryPayloadQuery['previewDelivery']>['request'];
  errors: readonly UserError[];
  /** Whether request and errors are those of what is typed now. */
  current: boolean;
}

/** The request that payload settings make of a recent event, while they are typed; settings are null while they cannot be tried. */
export function useTrial(id: string, types: readonly string[] | null, settings: Settings | null): Trial {
  const { api } = useSession();
  const events = useNewest(types, RECENT);
  const [wanted, choose] = useState<string | null>(null);
  const chosen = events?.find((event) => event.id === wanted) ?? events?.[0] ?? null;
  const key = settings === null || events === null ? null : JSON.stringify([id, chosen?.id, settings]);
  const tried = useTried(key, async () => {
    if (settings === null) return null;
    const { format, fields, template } = settings;
    const { standIn, context } = exactly(template);
    const payload = { format, includeFields: fields, template: standIn };
    const input = { webhookId: id, payload, ...(chosen && { eventId: chosen.id }) };
    return (await freshly(api.client, TryPayloadDocument, { input }, context)).data?.previewDelivery;
  });
  return {
    events,
    chosen,
    choose,
    request: tried?.preview.request ?? null,
    errors: tried?.preview.userErrors ?? [],
    current: tried?.current ?? false,
  };
}
