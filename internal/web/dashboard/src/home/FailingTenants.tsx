import { usePushed } from '../api/useLive';
import { useSession } from '../frame/Session';
import { type TimeRange, WatchFailingTenantsDocument } from '../gql/graphql';
import { Visible } from '../ui/Visible';

/** For operators: among the busiest tenants, those with the highest failure rate. */
export function FailingTenants({ range }: { range: TimeRange }) {
  const { actFor } = useSession();
  const { data, ended } = usePushed(WatchFailingTenantsDocument, { range });
  const failing = (data?.stats.by.groups ?? [])
    .filter(({ values }) => values.failed > 0)
    .sort((a, b) => b.values.failed - a.values.failed);
  return (
    <section>
      <h2>Tenants that fail</h2>
      {ended && <p className="alert">The tenants could not be read. {ended}</p>}
      {data && failing.length === 0 && <p className="soft">None of the busiest.</p>}
      <ul className="failures">
        {failing.map(({ key, tenant, values }) => (
          <li key={key}>
            {tenant ? (
              <button type="button" className="quiet" onClick={() => actFor(tenant.name)}>
                <Visible text={tenant.name} />
              </button>
            ) : (
              <code>{key}</code>
            )}
            <div className="soft">
              {values.failed.toLocaleString()} of {values.attempts.toLocaleString()} attempts failed
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
