import { useLive } from '../api/useLive';
import { DeliveryDocument } from '../gql/graphql';

/** A delivery with its attempts, kept current. */
export function useDelivery(id: string) {
  const { data, error, fetching, reload } = useLive(
    DeliveryDocument,
    { id },
    { attempts: { deliveryIds: [id] } },
  );
  const delivery = data?.delivery?.id === id ? data.delivery : null;
  return {
    delivery,
    attempts: delivery?.attempts?.nodes ?? [],
    error,
    missing: !fetching && !error && data?.delivery === null,
    reload,
  };
}
