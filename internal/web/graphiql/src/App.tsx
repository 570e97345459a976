import { useMonaco } from '@graphiql/react';
import { GraphiQL } from 'graphiql';
import { useEffect, useMemo, useState } from 'react';
import { CredentialsDialog } from './CredentialsDialog';
import type { Credentials } from './credentials';
import * as credentials from './credentials';
import { createFetcher } from './fetcher';
import icon from './icon.svg';
import * as linked from './linked';
import { DEFAULT_TABS } from './tabs';

const ANONYMOUS: Credentials = { token: '', tenant: '' };

// Read before React renders: StrictMode calls initial state functions twice, and the address has a token only once.
const link = linked.fromFragment();
const initial = credentials.load();

export function App() {
  // null while there is no token.
  const [caller, setCaller] = useState(initial);
  const [asking, setAsking] = useState(initial === null);
  const [refused, setRefused] = useState(false);

  // A tab that is chosen before the editors are there would show another tab's text.
  const ready = useMonaco((state) => state.monaco !== undefined);

  const fetcher = useMemo(
    () =>
      createFetcher(caller ?? ANONYMOUS, () => {
        setRefused(true);
        setAsking(true);
      }),
    [caller],
  );

  function become(next: Credentials | null) {
    setCaller(next);
    setRefused(false);
    setAsking(false);
  }

  // A link with a token that is opened where the page already is changes nothing but the fragment.
  useEffect(() => {
    function onHashChange() {
      const next = credentials.fromFragment();
      if (next) {
        setCaller(next);
        setRefused(false);
        setAsking(false);
      }
    }
    addEventListener('hashchange', onHashChange);
    return () => removeEventListener('hashchange', onHashChange);
  }, []);

  return (
    <>
      <header className="bar">
        <h1>
          <img src={icon} alt="" width="22" height="22" />
          Hookgraph <span>GraphiQL</span>
        </h1>
        <nav aria-label="Page">
          {/* biome-ignore lint/security/noBlankTarget: this page again. With its opener, a window starts with a copy of
              this one's session storage, so that the token is asked for once. */}
          <a href={location.pathname} target="_blank" rel="opener">
            New window
          </a>
        </nav>
        <button type="button" className="caller" onClick={() => setAsking(true)} aria-haspopup="dialog">
          <span className="dot" data-state={refused ? 'refused' : caller?.token ? 'set' : 'none'} />
          {!caller?.token ? 'No token' : refused ? 'Token refused' : 'Token set'}
          {caller?.tenant && <span className="tenant"> · {caller.tenant}</span>}
        </button>
      </header>
      <main inert={!ready} aria-busy={!ready}>
        <GraphiQL
          fetcher={fetcher}
          // Nobody is told the schema without a token: null keeps GraphiQL from asking, which would ask for the token again.
          schema={caller ? undefined : null}
          // GraphiQL adds a tab for it where it has tabs of an earlier visit.
          defaultTabs={link ? [link, ...DEFAULT_TABS] : DEFAULT_TABS}
          initialQuery={link?.query}
          initialVariables={link?.variables}
          inputValueDeprecation
          schemaDescription
          shouldPersistHeaders={false}
        >
          <GraphiQL.Logo>{null}</GraphiQL.Logo>
        </GraphiQL>
      </main>
      <CredentialsDialog
        open={asking}
        refused={refused}
        current={caller ?? ANONYMOUS}
        onSave={(next, remember) => {
          credentials.save(next, remember);
          become(next);
        }}
        onForget={() => {
          credentials.forget();
          become(null);
        }}
        onClose={() => setAsking(false)}
      />
    </>
  );
}
