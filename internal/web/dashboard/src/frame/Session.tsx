import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { Provider } from 'urql';
import type { Credentials } from '../../../graphiql/src/credentials';
import * as credentials from '../../../graphiql/src/credentials';
import { type Api, createApi } from '../api/client';
import type { Theme } from '../portal/session';
import { SignIn } from './SignIn';

interface Session {
  api: Api;
  caller: Credentials;
  /** In the customer portal, for whom it is and how it looks; null outside of it. */
  portal: { label: string; theme: Theme | null } | null;
  /** Acts for another tenant, by its name. */
  actFor(tenant: string): void;
  /** Asks for another token; the page keeps its state behind the dialog. */
  ask(): void;
  signOut(): void;
}

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error('useSession outside of a Session');
  return session;
}

// Read before React renders: StrictMode calls initial state functions twice, and the address has a token only once.
const initial = credentials.load();

/**
 * Provides the session: the token and the tenant. Without a token it asks for one and shows nothing else. When the token is no longer valid
 * it asks for another one over the page, which keeps its state and repeats its requests with the new one.
 */
export function Session({ children }: { children: ReactNode }) {
  const [caller, setCaller] = useState(initial);
  const [asking, setAsking] = useState<'' | 'asked' | 'refused'>('');

  const refused = useCallback(() => setAsking('refused'), []);
  const api = useMemo(() => (caller ? createApi(caller, refused) : null), [caller, refused]);
  useEffect(() => () => api?.dispose(), [api]);

  // A link with a token that is opened in a tab with the page changes only the fragment.
  useEffect(() => {
    function onHashChange() {
      const next = credentials.fromFragment();
      if (next) setCaller(next);
    }
    addEventListener('hashchange', onHashChange);
    return () => removeEventListener('hashchange', onHashChange);
  }, []);

  function signIn(next: Credentials, remember: boolean) {
    credentials.save(next, remember);
    setCaller(next);
    setAsking('');
  }

  const session = useMemo(
    () =>
      caller &&
      api && {
        api,
        caller,
        portal: null,
        actFor(tenant: string) {
          const next = { ...caller, tenant };
          credentials.save(next, credentials.isRemembered());
          setCaller(next);
        },
        ask: () => setAsking('asked'),
        signOut() {
          credentials.forget();
          setCaller(null);
        },
      },
    [api, caller],
  );

  if (!session) return <SignIn onSignIn={signIn} />;
  return (
    <SessionContext.Provider value={session}>
      <Provider value={session.api.client}>{children}</Provider>
      {asking && (
        <SignIn
          refused={asking === 'refused'}
          current={session.caller}
          onSignIn={signIn}
          onClose={() => setAsking('')}
        />
      )}
    </SessionContext.Provider>
  );
}
