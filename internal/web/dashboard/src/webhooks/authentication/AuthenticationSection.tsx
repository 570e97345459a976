import type { FormEvent } from 'react';
import { AuthenticationOfWebhookDocument } from '../../gql/graphql';
import { SelectField } from '../../ui/Field';
import { Problem } from '../../ui/Problem';
import { problemsAt } from '../exact/problems';
import { SaveRow } from '../exact/SaveRow';
import { useExactly } from '../exact/useExactly';
import { useForm } from '../form/useForm';
import { useStored } from '../form/useStored';
import { AuthorizationFields } from './AuthorizationFields';
import {
  type Authorization,
  canonical,
  formOf,
  inputOf,
  NAMES,
  savedOf,
  type Webhook,
} from './authentication';
import { CertificateFields } from './CertificateFields';

interface Props {
  of: { id: string; updatedAt: string };
  onChanged(): void;
}

/** How the requests of a webhook authenticate at the receiver. Passwords, client secrets and private keys can be set, and are never shown. */
export function AuthenticationSection({ of, onChanged }: Props) {
  const { webhook, error } = useStored(AuthenticationOfWebhookDocument, of);
  return (
    <section>
      <h2>Authentication</h2>
      <p className="soft">
        Each request is signed. What is set here comes in addition, for receivers that require more.
      </p>
      <Problem error={error} what="The authentication could not be read" />
      {webhook && <Form webhook={webhook} onChanged={onChanged} />}
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

const formOfWebhook = ({ authentication }: Webhook) => formOf(authentication);

function Form({ webhook, onChanged }: Pick<Props, 'onChanged'> & { webhook: Webhook }) {
  const stored = webhook.authentication;
  const saving = useExactly(webhook, onChanged);
  const { form, clashes, set, saved } = useForm(webhook, formOfWebhook, canonical);
  const fields = {
    form,
    stored,
    set,
    problemOf: (...path: string[]) => problemsAt(saving.errors, 'authentication', ...path),
  };

  async function onSubmit(event: FormEvent) {
    event.preventDefault();
    if (await saving.save({ authentication: inputOf(form, stored) }, {})) saved(savedOf);
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
      <SaveRow what="authentication" saving={saving} shown={SHOWN} clashes={clashes} names={NAMES} />
    </form>
  );
}
