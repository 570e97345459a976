import { type ReactNode, Suspense, useEffect, useRef, useState } from 'react';
import { useQuery } from 'urql';
import { Link, useLocation } from 'wouter';
import { ViewerDocument } from '../gql/graphql';
import icon from '../icon.svg';
import { loadScreens } from '../screens';
import { Problem } from '../ui/Problem';
import { useShortcut } from '../ui/shortcuts';
import { TimeSwitch } from '../ui/Time';
import { Boundary } from './Boundary';
import { Connection } from './Connection';
import { Help } from './Help';
import { Jump } from './Jump';
import { screensOf } from './navigation';
import { useSession } from './Session';
import { TenantChooser } from './TenantChooser';
import { ThemeSwitch } from './Theme';
import { type Viewer, ViewerContext } from './viewer';

/** The frame around every screen: the caller, the tenant, and the navigation. */
export function Frame({ children }: { children: ReactNode }) {
  const { caller } = useSession();
  const [{ data, error }] = useQuery({ query: ViewerDocument });
  const [open, setOpen] = useState<'' | 'help' | 'jump'>('');
  useShortcut('?', 'Show these keys', () => setOpen('help'));
  useShortcut('Mod+k', 'Go to an ID or a screen', () => setOpen('jump'));

  const [path] = useLocation();
  // With another token the page stays as it is, until the server has said whose that is.
  const last = useRef({ tenant: caller.tenant, viewer: null as Viewer | null });
  if (data?.viewer || last.current.tenant !== caller.tenant) {
    last.current = { tenant: caller.tenant, viewer: data?.viewer ?? null };
  }
  const { viewer } = last.current;
  const isKnown = viewer !== null;
  useEffect(() => {
    if (isKnown) loadScreens();
  }, [isKnown]);
  return (
    <ViewerContext.Provider value={viewer}>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className="bar">
        <Brand />
        {viewer && <Navigation viewer={viewer} />}
        <div className="bar-end">
          <button type="button" className="quiet jump" onClick={() => setOpen('jump')}>
            Go to… <kbd>{navigator.platform.startsWith('Mac') ? '⌘K' : 'Ctrl K'}</kbd>
          </button>
          {viewer?.operator && <TenantChooser current={viewer.tenant.name} />}
          <Settings viewer={viewer} onHelp={() => setOpen('help')} />
        </div>
      </header>
      <main id="main" tabIndex={-1} key={caller.tenant}>
        <Connection />
        <Problem error={error} what="The page could not find out who is calling" />
        <Boundary path={path}>
          <Suspense fallback={<p className="screen late soft">Loading…</p>}>{viewer && children}</Suspense>
        </Boundary>
      </main>
      {open === 'help' && <Help onClose={() => setOpen('')} />}
      {open === 'jump' && <Jump onClose={() => setOpen('')} />}
    </ViewerContext.Provider>
  );
}

/** The name and the logo: in the customer portal those of the platform. */
function Brand() {
  const { portal } = useSession();
  const name = portal ? portal.theme?.name || 'Webhooks' : 'Hookgraph';
  return (
    <Link href="/" className="brand" aria-label={name}>
      {portal?.theme?.logo ? (
        <img src={portal.theme.logo} alt="" height="24" className="logo" />
      ) : (
        <img src={icon} alt="" width="24" height="24" />
      )}
      <span>{name}</span>
    </Link>
  );
}

function Navigation({ viewer }: { viewer: Viewer }) {
  const [path] = useLocation();
  return (
    <nav aria-label="Screens">
      {screensOf(viewer).map((screen) => (
        <Link
          key={screen.path}
          href={screen.path}
          aria-current={
            (screen.path === '/' ? path === '/' : path.startsWith(screen.path)) ? 'page' : undefined
          }
        >
          {screen.name}
        </Link>
      ))}
    </nav>
  );
}

function Settings({ viewer, onHelp }: { viewer: Viewer | null; onHelp(): void }) {
  const { ask, signOut, portal } = useSession();
  return (
    <>
      <button type="button" className="quiet" popoverTarget="settings" aria-label="Settings and account">
        <span aria-hidden="true">⋯</span>
      </button>
      <div id="settings" popover="auto" className="menu">
        {viewer && (
          <p>
            {portal ? 'Session for' : 'Token'} <b>{portal ? portal.label : viewer.token.name}</b>
            <br />
            <span className="soft">
              {viewer.operator ? 'of an operator, acting for' : 'of tenant'} {viewer.tenant.name}
            </span>
          </p>
        )}
        <TimeSwitch />
        {(portal?.theme?.appearance ?? 'AUTO') === 'AUTO' && <ThemeSwitch />}
        <button type="button" popoverTarget="settings" popoverTargetAction="hide" onClick={onHelp}>
          Keys <kbd>?</kbd>
        </button>
        {!portal && (
          <>
            <a href="graphiql" target="_blank" rel="noopener opener" className="button">
              GraphiQL
            </a>
            <button type="button" popoverTarget="settings" popoverTargetAction="hide" onClick={ask}>
              Use another token
            </button>
          </>
        )}
        <button type="button" className="danger" onClick={signOut}>
          {portal ? 'End the session' : 'Forget the token'}
        </button>
      </div>
    </>
  );
}
