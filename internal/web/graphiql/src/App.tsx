import { useMonaco } from '@graphiql/react';
import { GraphiQL } from 'graphiql';
import { type KeyboardEvent, useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { CredentialsDialog } from './CredentialsDialog';
import type { Credentials } from './credentials';
import * as credentials from './credentials';
import { createFetcher } from './fetcher';
import icon from './icon.svg';
import * as linked from './linked';
import { Running } from './Running';
import { Streams } from './streams';
import { DEFAULT_TABS } from './tabs';

const ANONYMOUS: Credentials = { token: '', tenant: '' };

// Read before React renders: StrictMode calls initial state functions twice, and the address has a token only once.
const link = linked.fromFragment();
const initial = credentials.load();

const streams = new Streams();

/** The widgets that an editor closes with Escape. */
const CLOSED_BY_ESCAPE =
  '.suggest-widget.visible, .parameter-hints-widget.visible, .find-widget.visible, .monaco-menu-container';

let closes = false;

/** Runs before the editor gets the key: an editor consumes every Escape, even if it has nothing to close. */
function lookAtEscape(event: KeyboardEvent) {
  closes = event.key === 'Escape' && document.querySelector(CLOSED_BY_ESCAPE) !== null;
}

/** Escape moves the focus from an editor to its frame, from which Tab continues; inside, Tab indents. */
function leaveEditor(event: KeyboardEvent) {
  if (event.key !== 'Escape' || closes) return;
  (event.target as Element).closest<HTMLElement>('.graphiql-editor, .result-window')?.focus();
}

/** The caller, and whether the page is asking for a token; caller is null while there is none. */
function useCaller() {
  const [caller, setCaller] = useState(initial);
  const [asking, setAsking] = useState(initial === null);
  const [refused, setRefused] = useState(false);

  const become = useCallback((next: Credentials | null) => {
    // They run with the previous caller's token.
    streams.endAll();
    setCaller(next);
    setRefused(false);
    setAsking(false);
  }, []);

  // A link with a token that is opened in a tab with the page changes only the fragment.
  useEffect(() => {
    function onHashChange() {
      const next = credentials.fromFragment();
      if (next) become(next);
    }
    addEventListener('hashchange', onHashChange);
    return () => removeEventListener('hashchange', onHashChange);
  }, [become]);

  return {
    caller,
    asking,
    setAsking,
    refused,
    refuse: useCallback(() => {
      setRefused(true);
      setAsking(true);
    }, []),
    become,
  };
}

type Caller = ReturnType<typeof useCaller>;

export function App() {
  const calling = useCaller();
  const { caller, asking, refuse } = calling;
  // A tab chosen before the editors exist would show another tab's text.
  const ready = useMonaco((state) => state.monaco !== undefined);
  const fetcher = useMemo(() => createFetcher(caller ?? ANONYMOUS, streams, refuse), [caller, refuse]);
  return (
    <>
      <Bar calling={calling} />
      <main inert={!ready} aria-busy={!ready} onKeyDownCapture={lookAtEscape} onKeyDown={leaveEditor}>
        <GraphiQL
          fetcher={fetcher}
          // The schema requires a token: null keeps GraphiQL from requesting it, which would open the token dialog again.
          schema={caller ? undefined : null}
          // GraphiQL adds a tab for it if it has tabs of an earlier visit.
          defaultTabs={link ? [link, ...DEFAULT_TABS] : DEFAULT_TABS}
          initialQuery={link?.query}
          initialVariables={link?.variables}
          inputValueDeprecation
          onTabChange={streams.changed}
          schemaDescription
          shouldPersistHeaders={false}
        >
          <GraphiQL.Logo>{null}</GraphiQL.Logo>
          <Running streams={streams} />
        </GraphiQL>
        {/* The editors are described by it (patches.ts). */}
        <p id="editor-keys" className="keys">
          In an editor: <kbd>Enter</kbd> begins to edit, <kbd>Esc</kbd> leaves it, <kbd>Tab</kbd> then goes
          on.
        </p>
      </main>
      {asking && <Asking calling={calling} />}
    </>
  );
}

/** The head of the page: the title, the tabs with running streams, and the caller. */
function Bar({ calling: { caller, refused, setAsking } }: { calling: Caller }) {
  const elsewhere = useSyncExternalStore(
    (listener) => streams.subscribe(listener),
    () => streams.elsewhere(),
  );
  return (
    <header className="bar ours">
      <h1>
        <img src={icon} alt="" width="22" height="22" />
        Hookgraph <span>GraphiQL</span>
      </h1>
      <p role="status" className="elsewhere">
        {elsewhere && `Streaming in ${elsewhere}`}
      </p>
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
  );
}

/** Asks for the token. */
function Asking({ calling: { caller, refused, setAsking, become } }: { calling: Caller }) {
  const current = caller ?? ANONYMOUS;
  return (
    <CredentialsDialog
      title="Who is calling?"
      icon={icon}
      current={current}
      verb="Use token"
      leave={current.token ? 'Cancel' : 'Go on without'}
      onSave={(next, remember) => {
        credentials.save(next, remember);
        become(next);
      }}
      onForget={
        current.token
          ? () => {
              credentials.forget();
              become(null);
            }
          : undefined
      }
      onClose={() => setAsking(false)}
    >
      {refused ? (
        <p className="alert" role="alert">
          {current.token
            ? 'The server did not accept this token, or not for this tenant. It may be mistyped, expired or revoked.'
            : 'The server answers this only to a caller with a token.'}
        </p>
      ) : (
        <p className="soft">
          GraphiQL sends a token with everything it asks, over HTTP and WebSocket. The server prints one when
          it first starts.
        </p>
      )}
    </CredentialsDialog>
  );
}
