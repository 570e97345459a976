import { type ReactNode, useCallback, useEffect, useMemo, useState } from 'react';
import { Provider } from 'urql';
import { createApi } from '../api/client';
import { SessionContext } from '../frame/Session';
import { setProduct } from '../ui/title';
import { OPENED_WITH, PORTAL_PATH, takeCode } from './code';
import { PortalMessage } from './PortalMessage';
import { forget, keepAlive, leave, load, openLink, type PortalSession, type Refusal } from './session';
import { applyTheme } from './theme';

/** Provides the session of the customer portal to the screens, or says why there is none. */
export function Portal({ children }: { children: ReactNode }) {
  const [session, setSession] = useState<PortalSession | null>(OPENED_WITH ? null : load);
  const [refusal, setRefusal] = useState<Refusal | null>(OPENED_WITH || session ? null : 'no-link');
  const [code, setCode] = useState(OPENED_WITH);

  const open = useCallback(async (code: string) => {
    setCode(code);
    setRefusal(null);
    const opened = await once(code);
    if (typeof opened === 'string') return setRefusal(opened);
    const at = opened.start_path === '/' ? '' : opened.start_path;
    history.replaceState(null, '', PORTAL_PATH + at);
    setSession(opened);
  }, []);

  useEffect(() => {
    if (OPENED_WITH) void open(OPENED_WITH);
  }, [open]);

  // Another link that is opened in this tab changes only the fragment.
  useEffect(() => {
    function onHashChange() {
      const next = takeCode();
      if (!next) return;
      setSession(null);
      void open(next);
    }
    addEventListener('hashchange', onHashChange);
    return () => removeEventListener('hashchange', onHashChange);
  }, [open]);

  const end = useCallback((why: Refusal) => {
    forget();
    setSession(null);
    setRefusal(why);
  }, []);

  if (refusal) {
    const again = code !== null && (refusal === 'busy' || refusal === 'offline') ? code : null;
    return <PortalMessage why={refusal} onAgain={again === null ? undefined : () => void open(again)} />;
  }
  if (!session) return <p className="screen late soft">Opening…</p>;
  return (
    <Opened key={session.credential} session={session} onEnd={end}>
      {children}
    </Opened>
  );
}

/** Each code is exchanged once, although effects run twice in development; one whose exchange did not reach the server is tried again. */
const exchanges = new Map<string, Promise<PortalSession | Refusal>>();

function once(code: string): Promise<PortalSession | Refusal> {
  const running = exchanges.get(code);
  if (running) return running;
  const exchange = openLink(code).then((opened) => {
    if (opened === 'busy' || opened === 'offline') exchanges.delete(code);
    return opened;
  });
  exchanges.set(code, exchange);
  return exchange;
}

interface Props {
  session: PortalSession;
  onEnd(why: Refusal): void;
  children: ReactNode;
}

function Opened({ session, onEnd, children }: Props) {
  const caller = useMemo(() => ({ token: session.credential, tenant: '' }), [session.credential]);
  const api = useMemo(() => createApi(caller, () => onEnd('ended')), [caller, onEnd]);
  useEffect(() => () => api.dispose(), [api]);
  useEffect(() => keepAlive(session, () => onEnd('ended')), [session, onEnd]);

  const { theme } = session;
  useMemo(() => {
    setProduct(theme?.name || 'Webhooks');
    applyTheme(theme);
  }, [theme]);

  const provided = useMemo(
    () => ({
      api,
      caller,
      portal: { label: session.label, theme },
      actFor() {},
      ask() {},
      signOut() {
        void leave(session);
        onEnd('left');
      },
    }),
    [api, caller, session, theme, onEnd],
  );
  return (
    <SessionContext.Provider value={provided}>
      <Provider value={api.client}>{children}</Provider>
    </SessionContext.Provider>
  );
}
