import { useEffect, useRef } from 'react';
import { useQuery } from 'urql';
import { useSession } from '../frame/Session';
import { FailingTenantsDocument, type TimeRange } from '../gql/graphql';
import { Problem } from '../ui/Problem';
import { Visible } from '../ui/Visible';

/** For operators: of the busiest tenants those whose attempts fail most. It is asked for again with the other numbers, of asOf. */
export function FailingTenants({ range, asOf }: { range: TimeRange; asOf: string }) {
  const { actFor } = useSession();
  const [{ data, error }, ask] = useQuery({ query: FailingTenantsDocument, variables: { range } });
  const first = useRef(asOf);
  useEffect(() => {
    if (asOf !== first.current) ask({ requestPolicy: 'network-only' });
  }, [asOf, ask]);
  const failing = (data?.stats?.by.groups ?? [])
    .filter(({ values }) => values.failed > 0)
    .sort((a, b) => b.values.failed - a.values.failed);
  return (
    <section>
      <h2>Tenants that fail</h2>
      <Problem error={error} what="The tenants could not be read" />
      {data?.stats && failing.length === 0 && <p className="soft">None of the busiest.</p>}
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
