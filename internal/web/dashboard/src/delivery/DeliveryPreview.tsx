import { useQuery } from 'urql';
import { Link } from 'wouter';
import type { Row } from '../deliveries/feed';
import { AttemptDocument } from '../gql/graphql';
import { Body } from '../ui/Body';
import { Problem } from '../ui/Problem';
import { Actions } from './Actions';
import { Explanation } from './Explanation';
import { Phases } from './Phases';
import { Sentence } from './Sentence';
import { useDelivery } from './useDelivery';

interface Props {
  id: string;
  onClose(): void;
  onChanged(row: Row): void;
}

/** The essence of a delivery, beside the list. */
export function DeliveryPreview({ id, onClose, onChanged }: Props) {
  const { delivery, attempts, error, missing, reload } = useDelivery(id);
  const last = attempts.at(-1);
  return (
    <>
      <div className="preview-head">
        <h2>{delivery?.event?.type ?? 'Delivery'}</h2>
        <Link href={`/deliveries/${id}`} className="button">
          Open
        </Link>
        <button type="button" className="quiet" onClick={onClose} aria-label="Close the preview">
          ×
        </button>
      </div>
      <Problem error={error} what="The delivery could not be read" onAgain={reload} />
      {missing && <p>This delivery is not there. Retention may have removed it.</p>}
      {delivery && (
        <>
          <Sentence delivery={delivery} last={last} />
          <Actions
            delivery={delivery}
            onChanged={(row) => {
              onChanged(row);
              reload();
            }}
          />
          {last && (
            <>
              <Explanation attempt={last} />
              <h3>Attempt {last.number}</h3>
              <Phases timings={last.timings} />
              <LastBodies key={last.id} id={last.id} />
            </>
          )}
        </>
      )}
    </>
  );
}

function LastBodies({ id }: { id: string }) {
  const [{ data, error }] = useQuery({ query: AttemptDocument, variables: { id } });
  const attempt = data?.attempt;
  return (
    <>
      <Problem error={error} what="The attempt could not be read" />
      {attempt?.response && (
        <>
          <h3>Response: {attempt.response.status}</h3>
          <Body text={attempt.response.body} label="response" />
        </>
      )}
      {attempt && (
        <>
          <h3>Request</h3>
          <Body text={attempt.request.body} label="request" />
        </>
      )}
    </>
  );
}
