import { useEffect } from 'react';
import { useQuery } from 'urql';
import { EXACT } from '../api/exact';
import { watch } from '../api/watch';
import { useSession } from '../frame/Session';
import { EventDocument, type EventQuery, WatchDeliveryDocument } from '../gql/graphql';

/** An event; its data is the text that was published. */
export type Event = Omit<NonNullable<EventQuery['event']>, 'exactData'> & { exactData: string };

/** An event with its deliveries, loaded again after each attempt of one. */
export function useEvent(id: string) {
  const { api } = useSession();
  const [{ data, error, fetching }, ask] = useQuery({
    query: EventDocument,
    variables: { id },
    context: EXACT,
  });
  useEffect(() => {
    const again = () => ask({ requestPolicy: 'network-only' });
    return watch(
      api.sockets,
      WatchDeliveryDocument,
      { filter: { eventIds: [id] } },
      { next: again, missed: again, failed: () => {} },
    );
  }, [api, id, ask]);
  return {
    event: data?.event?.id === id ? (data.event as Event) : null,
    error,
    missing: !fetching && !error && data?.event === null,
    reload: () => ask({ requestPolicy: 'network-only' }),
  };
}
