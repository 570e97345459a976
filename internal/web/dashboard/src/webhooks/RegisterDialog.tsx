import { type FormEvent, useState } from 'react';
import { useMutation } from 'urql';
import { CreateWebhookDocument } from '../gql/graphql';
import { Dialog } from '../ui/Dialog';
import { Field } from '../ui/Field';
import { Problem } from '../ui/Problem';
import { SigningSecret } from './SigningSecret';
import { typesOf } from './types';

/** Registers a webhook, and shows its secret once. */
export function RegisterDialog({ onClose }: { onClose(id: string | null): void }) {
  const [url, setUrl] = useState('');
  const [types, setTypes] = useState('');
  const [description, setDescription] = useState('');
  const [{ data, error, fetching }, create] = useMutation(CreateWebhookDocument);
  const payload = data?.createWebhook;
  const webhook = payload?.webhook;

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    void create({ input: { url: url.trim(), events: typesOf(types), description } });
  }

  const problemOf = (field: string) => payload?.userErrors.find((e) => e.field[1] === field)?.message;

  if (webhook && payload.secret) {
    return (
      <SigningSecret
        title="The webhook is registered"
        secret={payload.secret}
        onClose={() => onClose(webhook.id)}
      />
    );
  }
  return (
    <Dialog title="Register a webhook" onClose={() => onClose(null)}>
      <form onSubmit={onSubmit}>
        <Field label="URL" hint="Events are sent here by POST." problem={problemOf('url')}>
          {(field) => (
            <input
              {...field}
              name="url"
              type="url"
              required
              placeholder="https://example.com/webhooks"
              value={url}
              onChange={(event) => setUrl(event.target.value)}
            />
          )}
        </Field>
        <Field
          label="Event types"
          hint="One a line, such as order.paid or order.*; empty for all."
          problem={problemOf('events')}
        >
          {(field) => (
            <textarea
              {...field}
              name="events"
              rows={3}
              spellCheck={false}
              value={types}
              onChange={(event) => setTypes(event.target.value)}
            />
          )}
        </Field>
        <Field label="Description" hint="A note for yourselves." problem={problemOf('description')}>
          {(field) => (
            <input
              {...field}
              name="description"
              value={description}
              onChange={(event) => setDescription(event.target.value)}
            />
          )}
        </Field>
        <Problem error={error} what="The webhook could not be registered" />
        {payload?.userErrors
          .filter(({ field }) => !['url', 'events', 'description'].includes(field[1] ?? ''))
          .map(({ message }) => (
            <p className="alert" role="alert" key={message}>
              {message}
            </p>
          ))}
        <div className="actions">
          <button type="button" onClick={() => onClose(null)}>
            Cancel
          </button>
          <button type="submit" className="primary" disabled={fetching}>
            Register
          </button>
        </div>
      </form>
    </Dialog>
  );
}
