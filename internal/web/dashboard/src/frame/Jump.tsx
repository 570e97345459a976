import { type FormEvent, useId, useState } from 'react';
import { useClient } from 'urql';
import { useLocation } from 'wouter';
import { failureOf } from '../api/failure';
import { JumpDocument, type JumpQuery } from '../gql/graphql';
import { Dialog } from '../ui/Dialog';

const ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;

/** Goes to whatever has an ID, pasted from a log, a header or a mail. */
export function Jump({ onClose }: { onClose(): void }) {
  const field = useId();
  const client = useClient();
  const [, navigate] = useLocation();
  const [text, setText] = useState('');
  const [problem, setProblem] = useState('');

  async function onSubmit(event: FormEvent) {
    event.preventDefault();
    const id = ID.exec(text)?.[0];
    if (!id)
      return setProblem('There is no ID in this: one looks like 019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11.');
    const { data, error } = await client.query(JumpDocument, { id }).toPromise();
    const failure = failureOf(error);
    if (failure) return setProblem(failure.message);
    const path = pathOf(data?.node);
    if (!path) return setProblem('Nothing with this ID is there for this token and tenant.');
    navigate(path);
    onClose();
  }

  return (
    <Dialog title="Go to" onClose={onClose}>
      <form onSubmit={onSubmit}>
        <label htmlFor={field}>ID of a delivery, attempt, event or webhook</label>
        <input
          id={field}
          value={text}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => {
            setText(event.target.value);
            setProblem('');
          }}
          aria-describedby={`${field}-problem`}
        />
        <p id={`${field}-problem`} role="alert" className="alert" hidden={problem === ''}>
          {problem}
        </p>
        <div className="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="primary">
            Go
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function pathOf(node: JumpQuery['node'] | undefined): string | null {
  switch (node?.__typename) {
    case 'Delivery':
      return `/deliveries/${node.id}`;
    case 'DeliveryAttempt':
      return node.delivery ? `/deliveries/${node.delivery.id}?attempt=${node.id}` : null;
    case 'Event':
      return `/deliveries?q=${encodeURIComponent(`event:${node.id}`)}`;
    case 'Webhook':
      return `/webhooks/${node.id}`;
    default:
      return null;
  }
}
