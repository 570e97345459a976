import type { OAuth2ClientAuthentication } from '../../gql/graphql';
import { Field, SelectField } from '../../ui/Field';
import { type AuthenticationForm, keepsPassword, keepsSecret, type Stored } from './authentication';

export interface FieldsProps {
  form: AuthenticationForm;
  stored: Stored;
  set(change: Partial<AuthenticationForm>): void;
  problemOf(...path: string[]): string | undefined;
}

/** The fields of what the header Authorization is made of. */
export function AuthorizationFields(props: FieldsProps) {
  switch (props.form.authorization) {
    case 'BASIC':
      return <BasicFields {...props} />;
    case 'OAUTH2':
      return <OAuth2Fields {...props} />;
    default:
      return null;
  }
}

const HIDDEN = 'hidden; stays as it is';

interface TextProps extends Pick<FieldsProps, 'form' | 'set'> {
  name: Exclude<
    keyof AuthenticationForm,
    'authorization' | 'clientAuthentication' | 'certificate' | 'fingerprint'
  >;
  label: string;
  hint?: string;
  problem: string | undefined;
  placeholder?: string;
  type?: 'text' | 'url' | 'password';
  required?: boolean;
}

function TextField({ form, set, name, label, hint = '', problem, ...input }: TextProps) {
  return (
    <Field label={label} hint={hint} problem={problem}>
      {(field) => (
        <input
          {...field}
          {...input}
          name={name}
          autoComplete={input.type === 'password' ? 'new-password' : 'off'}
          spellCheck={false}
          value={form[name]}
          onChange={(event) => set({ [name]: event.target.value })}
        />
      )}
    </Field>
  );
}

function BasicFields({ form, stored, set, problemOf }: FieldsProps) {
  const keeps = keepsPassword(form, stored);
  const text = { form, set };
  return (
    <>
      <TextField {...text} name="username" label="User name" problem={problemOf('basic', 'username')} />
      <TextField
        {...text}
        name="password"
        type="password"
        label="Password"
        placeholder={keeps ? HIDDEN : ''}
        hint={keeps ? 'Empty: the stored one stays.' : 'It is never shown again.'}
        problem={problemOf('basic', 'password')}
      />
    </>
  );
}

const CLIENT_AUTHENTICATIONS: Record<OAuth2ClientAuthentication, string> = {
  CLIENT_SECRET_BASIC: 'In the header Authorization',
  CLIENT_SECRET_POST: 'In the body',
};

function OAuth2Fields({ form, stored, set, problemOf }: FieldsProps) {
  const keeps = keepsSecret(form, stored);
  const text = { form, set };
  const problem = (name: string) => problemOf('oauth2', name);
  return (
    <>
      <TextField
        {...text}
        name="tokenUrl"
        type="url"
        required
        label="Token URL"
        hint="Access tokens are fetched here by POST."
        placeholder="https://example.com/oauth2/token"
        problem={problem('tokenUrl')}
      />
      <TextField {...text} name="clientId" required label="Client ID" problem={problem('clientId')} />
      <TextField
        {...text}
        name="clientSecret"
        type="password"
        required={!keeps}
        label="Client secret"
        placeholder={keeps ? HIDDEN : ''}
        hint={keeps ? 'Empty: the stored one stays.' : 'It is never shown again.'}
        problem={problem('clientSecret')}
      />
      <SelectField
        name="clientAuthentication"
        label="Where the token server gets ID and secret"
        hint="Most accept the header."
        problem={problem('clientAuthentication')}
        options={CLIENT_AUTHENTICATIONS}
        value={form.clientAuthentication}
        onChange={(clientAuthentication) => set({ clientAuthentication })}
      />
      <TextField
        {...text}
        name="scopes"
        label="Scopes"
        hint="With spaces between."
        problem={problem('scopes')}
      />
      <TextField
        {...text}
        name="audience"
        label="Audience"
        hint="Empty: none."
        problem={problem('audience')}
      />
      <Field
        label="Further parameters"
        hint="One a line, such as resource=https://example.com/. A name alone keeps the stored value."
        problem={problem('parameters')}
      >
        {(field) => (
          <textarea
            {...field}
            name="parameters"
            rows={2}
            spellCheck={false}
            value={form.parameters}
            onChange={(event) => set({ parameters: event.target.value })}
          />
        )}
      </Field>
    </>
  );
}
