import { type FormEvent, useState } from 'react';
import { useMutation } from 'urql';
import { CreateWebhookDocument } from '../gql/graphql';
import { Dialog } from '../ui/Dialog';
import { Problem } from '../ui/Problem';
import { UserErrors } from '../ui/UserErrors';
import { SigningSecret } from './SigningSecret';
import { typesOf } from './types';
import { WebhookFields, type WebhookForm } from './WebhookFields';

/** Registers a webhook, and shows its secret once. */
export function RegisterDialog({ onClose }: { onClose(id: string | null): void }) {
  const [form, setForm] = useState<WebhookForm>({ url: '', types: '', description: '' });
  const [{ data, error, fetching }, create] = useMutation(CreateWebhookDocument);
  const payload = data?.createWebhook;
  const webhook = payload?.webhook;

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    void create({
      input: { url: form.url.trim(), events: typesOf(form.types), description: form.description },
    });
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
        <WebhookFields
          form={form}
          set={(change) => setForm((now) => ({ ...now, ...change }))}
          problemOf={problemOf}
        />
        <Problem error={error} what="The webhook could not be registered" />
        <UserErrors errors={payload?.userErrors} except={['url', 'events', 'description']} />
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
