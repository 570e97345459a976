import { EXACT } from '../api/exact';
import { useLive } from '../api/useLive';
import { EventDocument, type EventQuery } from '../gql/graphql';

/** An event; its data is the text that was published. */
export type Event = Omit<NonNullable<EventQuery['event']>, 'exactData'> & { exactData: string };

const OPTIONS = { context: EXACT };

/** An event with its latest deliveries, kept current. */
export function useEvent(id: string) {
  const { data, error, fetching, reload } = useLive(
    EventDocument,
    { id },
    { deliveries: { eventIds: [id] } },
    OPTIONS,
  );
  return {
    event: data?.event?.id === id ? (data.event as Event) : null,
    error,
    missing: !fetching && !error && data?.event === null,
    reload,
  };
}
