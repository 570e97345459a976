import { type FormEvent, useId, useState } from 'react';
import { useMutation, useQuery } from 'urql';
import { Link } from 'wouter';
import { AttemptDetail } from '../delivery/AttemptDetail';
import { Sentence } from '../delivery/Sentence';
import { useDelivery } from '../delivery/useDelivery';
import { TestableTypesDocument, TestWebhookDocument } from '../gql/graphql';
import { Field } from '../ui/Field';
import { Problem } from '../ui/Problem';
import { UserErrors } from '../ui/UserErrors';

/** Sends a test event, and shows its delivery live. */
export function TestTab({ id }: { id: string }) {
  const [{ data, error, fetching }, test] = useMutation(TestWebhookDocument);
  const [type, setType] = useState('');
  const payload = data?.testWebhook;

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    void test({ input: { id, eventType: type || null } });
  }

  return (
    <>
      <p>
        A test publishes an event to this webhook only, whatever it subscribes to. It is attempted once, and
        is not counted as published.
      </p>
      <form onSubmit={onSubmit} className="settings">
        <TypeField
          type={type}
          problem={payload?.userErrors.find(({ field }) => field[1] === 'eventType')?.message}
          onChange={setType}
        />
        <button type="submit" className="primary" disabled={fetching}>
          Send a test
        </button>
      </form>
      <Problem error={error} what="The test could not be sent" />
      <UserErrors errors={payload?.userErrors} except={['eventType']} />
      {payload?.delivery && <TestResult key={payload.delivery.id} id={payload.delivery.id} />}
    </>
  );
}

interface TypeProps {
  /** The name of a type, or what is typed of it; "" for none. */
  type: string;
  problem: string | undefined;
  onChange(type: string): void;
}

/** Finds the event that is sent: the example of a declared type, or without a type one that says that it is a test. */
function TypeField({ type, problem, onChange }: TypeProps) {
  const list = useId();
  const [{ data, error }] = useQuery({
    query: TestableTypesDocument,
    variables: { name: type || null },
    requestPolicy: 'cache-and-network',
  });
  return (
    <Field
      label="Event type"
      hint={
        error
          ? 'The types could not be read: type the whole name of one.'
          : 'The example of the declared event type is sent as it is; without a type, the event is a hookgraph.test. Type a part of its name.'
      }
      problem={problem}
    >
      {(field) => (
        <>
          <input
            {...field}
            name="eventType"
            type="search"
            list={list}
            placeholder="hookgraph.test"
            autoComplete="off"
            spellCheck={false}
            value={type}
            onChange={(event) => onChange(event.target.value.trim())}
          />
          <datalist id={list}>
            {data?.eventTypes?.nodes
              .filter(({ declared }) => declared)
              .slice(0, OFFERED)
              .map(({ id, name }) => (
                <option key={id} value={name} />
              ))}
          </datalist>
        </>
      )}
    </Field>
  );
}

/** How many types are offered at once. */
const OFFERED = 20;

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
