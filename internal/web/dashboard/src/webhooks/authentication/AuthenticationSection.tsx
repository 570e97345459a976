import { type FormEvent, useState } from 'react';
import { useQuery } from 'urql';
import { AuthenticationOfWebhookDocument } from '../../gql/graphql';
import { SelectField } from '../../ui/Field';
import { Problem } from '../../ui/Problem';
import { problemsAt } from '../exact/problems';
import { SaveRow } from '../exact/SaveRow';
import { useExactly } from '../exact/useExactly';
import { AuthorizationFields } from './AuthorizationFields';
import {
  type AuthenticationForm,
  type Authorization,
  formOf,
  inputOf,
  type Stored,
  savedOf,
} from './authentication';
import { CertificateFields } from './CertificateFields';

interface Props {
  id: string;
  onChanged(): void;
}

/** How the requests of a webhook authenticate at the receiver. Passwords, client secrets and private keys can be set, and are never shown. */
export function AuthenticationSection({ id, onChanged }: Props) {
  const [{ data, error }, read] = useQuery({
    query: AuthenticationOfWebhookDocument,
    variables: { id },
    requestPolicy: 'network-only',
  });
  const saving = useExactly(id, () => {
    read({ requestPolicy: 'network-only' });
    onChanged();
  });
  const webhook = data?.webhook;
  return (
    <section>
      <h2>Authentication</h2>
      <p className="soft">
        Each request is signed. What is set here comes in addition, for receivers that require more.
      </p>
      <Problem error={error} what="The authentication could not be read" />
      {webhook && <Form stored={webhook.authentication} saving={saving} />}
    </section>
  );
}

const AUTHORIZATIONS: Record<Authorization, string> = {
  NONE: 'Nothing',
  BASIC: 'User name and password (Basic)',
  OAUTH2: 'Access token (OAuth 2.0 client credentials)',
};

const SHOWN = [
  ['basic', 'username'],
  ['basic', 'password'],
  ...['tokenUrl', 'clientId', 'clientSecret', 'scopes', 'audience', 'parameters'].map((name) => [
    'oauth2',
    name,
  ]),
  ['certificate', 'chain'],
  ['certificate', 'privateKey'],
].map((path) => ['authentication', ...path]);

function Form({ stored, saving }: { stored: Stored; saving: ReturnType<typeof useExactly> }) {
  const [form, setForm] = useState(() => formOf(stored));
  const fields = {
    form,
    stored,
    set: (change: Partial<AuthenticationForm>) => setForm((now) => ({ ...now, ...change })),
    problemOf: (...path: string[]) => problemsAt(saving.errors, 'authentication', ...path),
  };

  async function onSubmit(event: FormEvent) {
    event.preventDefault();
    if (await saving.save({ authentication: inputOf(form, stored) }, {})) setForm(savedOf);
  }

  return (
    <form onSubmit={onSubmit} className="settings" aria-label="Authentication" autoComplete="off">
      <SelectField
        name="authorization"
        label="In the header Authorization"
        hint="Webhooks that set this header themselves must not have it here too."
        problem={undefined}
        options={AUTHORIZATIONS}
        value={form.authorization}
        onChange={(authorization) => fields.set({ authorization })}
      />
      <AuthorizationFields {...fields} />
      <CertificateFields {...fields} />
      <SaveRow what="authentication" saving={saving} shown={SHOWN} />
    </form>
  );
}
