// The caller's credentials, and where the page stores them: in this browser tab, and on this device only if
// the user asks for it.

export interface Credentials {
  /** The bearer token without its scheme; empty if the caller is anonymous. */
  token: string;
  /** The tenant that an operator acts for; empty means that of the token. */
  tenant: string;
}

// The prefix is GraphiQL's own, so that its "Clear storage" setting forgets a remembered token too.
const KEY = 'graphiql:hookgraph-credentials';

/** The stored credentials; null if there are none. */
export function load(): Credentials | null {
  return fromFragment() ?? read(() => sessionStorage) ?? read(() => localStorage);
}

/** Whether the credentials outlive this browser tab. */
export function isRemembered(): boolean {
  return read(() => localStorage) !== null;
}

export function save(credentials: Credentials, remember: boolean): void {
  write(() => sessionStorage, credentials);
  write(() => localStorage, remember ? credentials : null);
}

export function forget(): void {
  write(() => sessionStorage, null);
  write(() => localStorage, null);
}

/**
 * Removes `#token=…` (and `&tenant=…`) from the address, so that neither the history nor a copied link contains it.
 * Null if the address has none.
 */
export function fromFragment(): Credentials | null {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get('token');
  if (token === null) return null;
  history.replaceState(history.state, '', location.pathname + location.search);
  const credentials = { token: token.trim(), tenant: fragment.get('tenant')?.trim() ?? '' };
  if (!credentials.token || problem(credentials)) return null;
  write(() => sessionStorage, credentials);
  return credentials;
}

/** Why these credentials cannot be sent as headers; null if they can. */
export function problem({ token, tenant }: Credentials): string | null {
  if (!/^[\x21-\x7e]*$/.test(token)) return 'A token has no spaces and only ASCII characters.';
  if (!/^[\x21-\x7e]*$/.test(tenant)) return 'A tenant has no spaces and only ASCII characters.';
  return null;
}

/** The same names serve as HTTP headers and as the payload of connection_init. */
export function headers({ token, tenant }: Credentials): Record<string, string> {
  return {
    ...(token && { Authorization: `Bearer ${token}` }),
    ...(tenant && { 'Hookgraph-Tenant': tenant }),
  };
}

// Even naming sessionStorage throws where the browser blocks site data; then the credentials last as long as the page.
function read(storage: () => Storage): Credentials | null {
  try {
    const { token, tenant } = JSON.parse(storage().getItem(KEY) ?? 'null') ?? {};
    return typeof token === 'string' && typeof tenant === 'string' ? { token, tenant } : null;
  } catch {
    return null;
  }
}

function write(storage: () => Storage, credentials: Credentials | null): void {
  try {
    if (credentials) storage().setItem(KEY, JSON.stringify(credentials));
    else storage().removeItem(KEY);
  } catch {
    // See read.
  }
}
