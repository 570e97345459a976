import { Link, useSearch } from 'wouter';
import { NotFound } from '../frame/NotFound';
import { useSession } from '../frame/Session';
import { TokensTab } from '../operate/TokensTab';
import { DebuggerTab } from './DebuggerTab';
import { ExamplesTab } from './ExamplesTab';
import { ListenTab } from './ListenTab';
import { OwnToken } from './OwnToken';

const TABS = {
  debugger: 'Signature debugger',
  verify: 'Verify',
  listen: 'Listen',
  tokens: 'Tokens',
} as const;
type Tab = keyof typeof TABS;

/** What those need who write receivers: why a signature does not verify, code that verifies, deliveries on their own machine, and tokens. */
export function DevelopersScreen({ tab }: { tab: string }) {
  const { portal } = useSession();
  const webhook = new URLSearchParams(useSearch()).get('webhook');
  // A session of the customer portal cannot have tokens.
  const tabs = (Object.keys(TABS) as Tab[]).filter((name) => !(portal && name === 'tokens'));
  if (!(tabs as string[]).includes(tab)) return <NotFound />;
  // The chosen webhook stays chosen.
  const search = webhook ? `?webhook=${encodeURIComponent(webhook)}` : '';
  return (
    <div className="screen">
      <nav className="tabs" aria-label="Developers">
        {tabs.map((name) => (
          <Link
            key={name}
            href={
              (name === 'debugger' ? '/developers' : `/developers/${name}`) +
              (name === 'tokens' ? '' : search)
            }
            aria-current={tab === name ? 'page' : undefined}
          >
            {TABS[name]}
          </Link>
        ))}
      </nav>
      {tab === 'debugger' && <DebuggerTab />}
      {tab === 'verify' && <ExamplesTab />}
      {tab === 'listen' && <ListenTab />}
      {tab === 'tokens' && (
        <>
          <OwnToken />
          <TokensTab isOwn />
        </>
      )}
    </div>
  );
}
