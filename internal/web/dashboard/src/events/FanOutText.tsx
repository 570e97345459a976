import type { FanOutFragment } from '../gql/graphql';
import { fanOut } from './fanOut';

/** The deliveries of an event in a few words, in the colour of the worst state. */
export function FanOutText({ deliveries }: { deliveries: FanOutFragment | null | undefined }) {
  if (!deliveries) return null;
  const { text, status } = fanOut(deliveries);
  return (
    <span className={status ? 'status' : 'soft'} data-status={status ?? undefined}>
      {text}
    </span>
  );
}
