import { useMutation } from 'urql';
import { Link } from 'wouter';
import { AttemptDetail } from '../delivery/AttemptDetail';
import { Sentence } from '../delivery/Sentence';
import { useDelivery } from '../delivery/useDelivery';
import { TestWebhookDocument } from '../gql/graphql';
import { Problem } from '../ui/Problem';
import { UserErrors } from '../ui/UserErrors';

/** Sends a test event, and shows its delivery live. */
export function TestTab({ id }: { id: string }) {
  const [{ data, error, fetching }, test] = useMutation(TestWebhookDocument);
  const payload = data?.testWebhook;
  return (
    <>
      <p>
        A test publishes an event of type <code>hookgraph.test</code> to this webhook only. It is attempted
        once.
      </p>
      <button type="button" className="primary" disabled={fetching} onClick={() => void test({ id })}>
        Send a test
      </button>
      <Problem error={error} what="The test could not be sent" />
      <UserErrors errors={payload?.userErrors} />
      {payload?.delivery && <TestResult key={payload.delivery.id} id={payload.delivery.id} />}
    </>
  );
}

function TestResult({ id }: { id: string }) {
  const { delivery, attempts, error } = useDelivery(id);
  const last = attempts.at(-1);
  return (
    <section aria-label="Result of the test" className="test-result">
      <Problem error={error} what="The result could not be read" />
      {delivery && <Sentence delivery={delivery} last={last} />}
      {last && <AttemptDetail attempt={last} before={undefined} />}
      <p>
        <Link href={`/deliveries/${id}`}>Its delivery</Link>
      </p>
    </section>
  );
}
