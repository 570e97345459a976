import { useState } from 'react';
import { type CombinedError, useClient, useQuery } from 'urql';
import { type ServerCheckStatus, ServerChecksDocument, type ServerChecksQuery } from '../gql/graphql';
import { Problem } from '../ui/Problem';
import { ScrollTable } from '../ui/ScrollTable';
import { Time } from '../ui/Time';
import { Visible } from '../ui/Visible';

type Check = NonNullable<NonNullable<ServerChecksQuery['server']>['checks']>[number];

const COLUMNS = ['Check', 'Result', 'Found'];

const RESULTS: Record<ServerCheckStatus, { name: string; sign: string; colour: string }> = {
  FAILED: { name: 'Failed', sign: '✕', colour: 'FAILED' },
  WARNING: { name: 'Warning', sign: '!', colour: 'HELD' },
  OK: { name: 'OK', sign: '✓', colour: 'SUCCEEDED' },
  SKIPPED: { name: 'Skipped', sign: '–', colour: 'CANCELED' },
};

const WORST_FIRST = Object.keys(RESULTS);

/** What the server finds when it examines itself: the checks of `hookgraph doctor`, the worst first. */
export function ChecksTable() {
  const client = useClient();
  const [first, ask] = useQuery({ query: ServerChecksDocument, variables: { fresh: false } });
  const [again, setAgain] = useState<{ data?: ServerChecksQuery; error?: CombinedError }>({});
  const [isRunning, setIsRunning] = useState(false);
  const run = async () => {
    setIsRunning(true);
    const { data, error } = await client
      .query(ServerChecksDocument, { fresh: true }, { requestPolicy: 'network-only' })
      .toPromise();
    setAgain((before) => ({ data: data ?? before.data, error }));
    setIsRunning(false);
  };
  const checks = (again.data ?? first.data)?.server?.checks;
  const at = checks?.[0]?.checkedAt;
  return (
    <>
      <h2>Checks</h2>
      <Problem
        error={again.error ?? first.error}
        what="The server could not be examined"
        onAgain={() => (again.error ? void run() : ask({ requestPolicy: 'network-only' }))}
      />
      <p>
        <button type="button" disabled={isRunning || first.fetching} onClick={() => void run()}>
          {isRunning || first.fetching ? 'Running…' : 'Run again'}
        </button>{' '}
        {at && (
          <span className="soft" role="status">
            Last run <Time at={at} />
          </span>
        )}
      </p>
      {checks && (
        <ScrollTable label="Checks of the node that serves this page, the worst first" columns={COLUMNS}>
          {[...checks].sort(byResult).map((check) => (
            <CheckRow key={check.name} check={check} />
          ))}
        </ScrollTable>
      )}
    </>
  );
}

function byResult(a: Check, b: Check): number {
  return WORST_FIRST.indexOf(a.status) - WORST_FIRST.indexOf(b.status);
}

function CheckRow({ check }: { check: Check }) {
  const result = RESULTS[check.status];
  return (
    <tr>
      <td>{check.name}</td>
      <td>
        <span className="status" data-status={result.colour}>
          <span aria-hidden="true">{result.sign}</span> {result.name}
        </span>
      </td>
      <td className="name found">
        <Visible text={check.found} />
        {check.means && <div className="soft">It means: {check.means}</div>}
        {check.remedy && <div>What to do: {check.remedy}</div>}
        {check.notLookedAt && <div className="soft">Not looked at: {check.notLookedAt}</div>}
      </td>
    </tr>
  );
}
