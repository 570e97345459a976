import type {
  AuthenticationOfWebhookQuery,
  OAuth2ClientAuthentication,
  WebhookAuthenticationInput,
  WebhookOAuth2ParameterInput,
} from '../../gql/graphql';
import type { Names } from '../form/merged';

export type Webhook = NonNullable<AuthenticationOfWebhookQuery['webhook']>;

export type Stored = Webhook['authentication'];

/** What is in the header Authorization. */
export type Authorization = 'NONE' | 'BASIC' | 'OAUTH2';

/** What happens to the client certificate. */
export type CertificateChange = 'KEEP' | 'SET' | 'REMOVE';

/** The authentication as typed. Secrets that are stored are not shown; left empty, they stay. */
export interface AuthenticationForm {
  authorization: Authorization;
  username: string;
  password: string;
  tokenUrl: string;
  clientId: string;
  clientSecret: string;
  clientAuthentication: OAuth2ClientAuthentication;
  scopes: string;
  audience: string;
  parameters: string;
  certificate: CertificateChange;
  chain: string;
  privateKey: string;
  /** That of the certificate that was stored when the change to it was chosen; "" for none. */
  fingerprint: string;
}

export const NAMES: Names<AuthenticationForm> = {
  authorization: 'header Authorization',
  username: 'user name',
  password: 'password',
  tokenUrl: 'token URL',
  clientId: 'client ID',
  clientSecret: 'client secret',
  clientAuthentication: 'where the token server gets ID and secret',
  scopes: 'scopes',
  audience: 'audience',
  parameters: 'further parameters',
  certificate: 'client certificate',
  chain: 'certificate',
  privateKey: 'private key',
  fingerprint: 'fingerprint',
};

export function formOf(stored: Stored): AuthenticationForm {
  const { basic, oauth2, certificate } = stored ?? {};
  return {
    authorization: basic ? 'BASIC' : oauth2 ? 'OAUTH2' : 'NONE',
    username: basic?.username ?? '',
    password: '',
    tokenUrl: oauth2?.tokenUrl ?? '',
    clientId: oauth2?.clientId ?? '',
    clientSecret: '',
    clientAuthentication: oauth2?.clientAuthentication ?? 'CLIENT_SECRET_BASIC',
    scopes: oauth2?.scopes.join(' ') ?? '',
    audience: oauth2?.audience ?? '',
    parameters: oauth2?.parameters.map(({ name }) => name).join('\n') ?? '',
    certificate: 'KEEP',
    chain: '',
    privateKey: '',
    fingerprint: certificate?.fingerprint ?? '',
  };
}

/** The form as it is compared: another certificate is a change of what the form does not show. */
export function canonical(form: AuthenticationForm): Record<keyof AuthenticationForm, unknown> {
  return { ...form, certificate: form.certificate === 'KEEP' ? form.fingerprint : form.certificate };
}

/** Whether the stored password stays if none is typed. */
export function keepsPassword(form: AuthenticationForm, stored: Stored): boolean {
  return stored?.basic?.username === form.username;
}

/** Whether the stored client secret stays if none is typed. */
export function keepsSecret(form: AuthenticationForm, stored: Stored): boolean {
  const oauth2 = stored?.oauth2;
  return oauth2?.tokenUrl === form.tokenUrl.trim() && oauth2.clientId === form.clientId.trim();
}

/** Parameters, one a line: name=value, or the name alone for one whose value stays. */
function parametersOf(text: string): WebhookOAuth2ParameterInput[] {
  return text
    .split('\n')
    .filter((line) => line.trim())
    .map((line) => {
      const at = line.indexOf('=');
      return at < 0
        ? { name: line.trim(), value: null }
        : { name: line.slice(0, at).trim(), value: line.slice(at + 1) };
    });
}

export function inputOf(form: AuthenticationForm, stored: Stored): WebhookAuthenticationInput {
  const input: WebhookAuthenticationInput = { basic: null, oauth2: null };
  if (form.authorization === 'BASIC') {
    const keeps = form.password === '' && keepsPassword(form, stored);
    input.basic = { username: form.username, password: keeps ? null : form.password };
  }
  if (form.authorization === 'OAUTH2') {
    input.oauth2 = {
      tokenUrl: form.tokenUrl.trim(),
      clientId: form.clientId.trim(),
      clientSecret: form.clientSecret || null,
      clientAuthentication: form.clientAuthentication,
      scopes: form.scopes.split(/\s+/).filter(Boolean),
      audience: form.audience.trim() || null,
      parameters: parametersOf(form.parameters),
    };
  }
  if (form.certificate === 'SET') input.certificate = { chain: form.chain, privateKey: form.privateKey };
  if (form.certificate === 'REMOVE') input.certificate = null;
  return input;
}

/** The form after it was saved: what is secret is not kept in the page. */
export function savedOf(form: AuthenticationForm): AuthenticationForm {
  return {
    ...form,
    password: '',
    clientSecret: '',
    parameters: parametersOf(form.parameters)
      .map(({ name }) => name)
      .join('\n'),
    certificate: 'KEEP',
    chain: '',
    privateKey: '',
  };
}

const DAY = 86_400_000;

/** How soon a certificate expires; undefined if it is valid for more than 30 days. */
export function expiry(notAfter: string, now: number): string | undefined {
  const days = Math.floor((Date.parse(notAfter) - now) / DAY);
  if (Date.parse(notAfter) <= now) return 'It has expired. Set the renewed one.';
  if (days < 1) return 'It expires within a day. Set the renewed one.';
  return days < 30
    ? `It expires in ${days} ${days === 1 ? 'day' : 'days'}. Set the renewed one in time.`
    : undefined;
}
