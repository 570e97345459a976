import { Link } from 'wouter';
import { NotFound } from '../frame/NotFound';
import { useViewer } from '../frame/viewer';
import { AuditTab } from './AuditTab';
import { PortalTab } from './PortalTab';
import { ServerTab } from './ServerTab';
import { TenantsTab } from './TenantsTab';
import { TokensTab } from './TokensTab';

const TABS = {
  tokens: 'Tokens',
  tenants: 'Tenants',
  portal: 'Portal',
  audit: 'Audit log',
  server: 'Server',
} as const;
type Tab = keyof typeof TABS;

/** The tabs for administrators of a tenant. */
const OWN: readonly Tab[] = ['tokens', 'portal', 'audit'];

/** Tokens, tenants, the portal, the audit log and the server's settings. Administrators of a tenant see what is the tenant's. */
export function OperateScreen({ tab }: { tab: string }) {
  const isOperator = useViewer()?.operator ?? false;
  const tabs = (Object.keys(TABS) as Tab[]).filter((name) => isOperator || OWN.includes(name));
  if (!(tabs as string[]).includes(tab)) return <NotFound />;
  return (
    <div className="screen">
      <nav className="tabs" aria-label="Operate">
        {tabs.map((name) => (
          <Link
            key={name}
            href={name === 'tokens' ? '/operate' : `/operate/${name}`}
            aria-current={tab === name ? 'page' : undefined}
          >
            {TABS[name]}
          </Link>
        ))}
      </nav>
      {tab === 'tokens' && <TokensTab />}
      {tab === 'tenants' && <TenantsTab />}
      {tab === 'portal' && <PortalTab />}
      {tab === 'audit' && <AuditTab />}
      {tab === 'server' && <ServerTab />}
    </div>
  );
}
