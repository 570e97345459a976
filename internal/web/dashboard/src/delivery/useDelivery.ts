import { useEffect, useState } from 'react';
import { type Followed, useLive } from '../api/useLive';
import { DeliveryDocument } from '../gql/graphql';

/** A delivery with its attempts, kept current. */
export function useDelivery(id: string) {
  // Its attempts until its event is known; then every change, such as its cancellation, and every change of the delivery that it waits for.
  const [followed, setFollowed] = useState<Followed>({ attempts: { deliveryIds: [id] } });
  const { data, error, fetching, reload } = useLive(DeliveryDocument, { id }, followed);
  const delivery = data?.delivery?.id === id ? data.delivery : null;
  const eventId = delivery?.event?.id;
  const webhookId = delivery?.webhookId;
  const blocker = delivery?.blockedBy?.event?.id;
  useEffect(() => {
    setFollowed(
      eventId && webhookId
        ? { deliveries: { eventIds: blocker ? [eventId, blocker] : [eventId], webhookIds: [webhookId] } }
        : { attempts: { deliveryIds: [id] } },
    );
  }, [id, eventId, webhookId, blocker]);
  return {
    delivery,
    attempts: delivery?.attempts?.nodes ?? [],
    error,
    missing: !fetching && !error && data?.delivery === null,
    reload,
  };
}
