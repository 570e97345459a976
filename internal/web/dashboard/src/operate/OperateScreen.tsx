import { Link } from 'wouter';
import { NotFound } from '../frame/NotFound';
import { useViewer } from '../frame/viewer';
import { ServerTab } from './ServerTab';
import { TenantsTab } from './TenantsTab';
import { TokensTab } from './TokensTab';

const TABS = { tokens: 'Tokens', tenants: 'Tenants', server: 'Server' } as const;

/** Tokens, tenants and the server's settings. Administrators of a tenant see only its tokens. */
export function OperateScreen({ tab }: { tab: string }) {
  const isOperator = useViewer()?.operator ?? false;
  if (!(tab in TABS) || (!isOperator && tab !== 'tokens')) return <NotFound />;
  return (
    <div className="screen">
      {isOperator && (
        <nav className="tabs" aria-label="Operate">
          {(Object.keys(TABS) as (keyof typeof TABS)[]).map((name) => (
            <Link
              key={name}
              href={name === 'tokens' ? '/operate' : `/operate/${name}`}
              aria-current={tab === name ? 'page' : undefined}
            >
              {TABS[name]}
            </Link>
          ))}
        </nav>
      )}
      {tab === 'tokens' && <TokensTab />}
      {tab === 'tenants' && <TenantsTab />}
      {tab === 'server' && <ServerTab />}
    </div>
  );
}
