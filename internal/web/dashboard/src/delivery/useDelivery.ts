import { useEffect } from 'react';
import { useQuery } from 'urql';
import { watch } from '../api/watch';
import { useSession } from '../frame/Session';
import { DeliveryDocument, WatchDeliveryDocument } from '../gql/graphql';

/** A delivery with its attempts, loaded again after each new attempt. */
export function useDelivery(id: string) {
  const { api } = useSession();
  const [{ data, error, fetching }, ask] = useQuery({ query: DeliveryDocument, variables: { id } });
  useEffect(
    () =>
      watch(
        api.sockets,
        WatchDeliveryDocument,
        { filter: { deliveryIds: [id] } },
        {
          next: () => ask({ requestPolicy: 'network-only' }),
          missed: () => ask({ requestPolicy: 'network-only' }),
          failed: () => {},
        },
      ),
    [api, id, ask],
  );
  const delivery = data?.delivery?.id === id ? data.delivery : null;
  const attempts = delivery?.attempts?.nodes ?? [];
  return {
    delivery,
    attempts,
    error,
    missing: !fetching && !error && data?.delivery === null,
    reload: () => ask({ requestPolicy: 'network-only' }),
  };
}
