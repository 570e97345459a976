import { useQuery } from 'urql';
import { usePushed } from '../api/useLive';
import { OperateServerDocument, type OperateServerQuery, WatchServerDocument } from '../gql/graphql';
import { Head } from '../ui/Head';
import { Problem } from '../ui/Problem';
import { duration } from '../ui/time';
import { useTitle } from '../ui/title';
import { ChecksTable } from './ChecksTable';
import { NodesTable } from './NodesTable';
import { TasksTable } from './TasksTable';

type Server = NonNullable<OperateServerQuery['server']>;

/** The nodes with their leases, the background tasks, the checks, the settings and the limits of the server. Nodes and tasks are live. */
export function ServerTab() {
  useTitle('Server');
  const [{ data, error }, ask] = useQuery({ query: OperateServerDocument, variables: {} });
  const server = data?.server;
  const { data: pushed, ended } = usePushed(WatchServerDocument, {});
  const { nodes, tasks } = pushed?.server ?? {};
  return (
    <>
      <Head title="Server" document={OperateServerDocument} variables={{}} />
      <Problem
        error={error}
        what="The server’s settings could not be read"
        onAgain={() => ask({ requestPolicy: 'network-only' })}
      />
      {ended && (
        <p className="alert" role="alert">
          Live updates ended: {ended} Reload the page to continue.
        </p>
      )}
      <ChecksTable />
      {nodes && <NodesTable nodes={nodes} />}
      {tasks && <TasksTable tasks={tasks} />}
      {server && (
        <>
          <h2>Settings</h2>
          <Facts facts={settingsOf(server)} />
          <h2>Limits</h2>
          <Facts facts={limitsOf(server)} />
        </>
      )}
    </>
  );
}

function Facts({ facts }: { facts: Record<string, string> }) {
  return (
    <dl className="facts grid-of-facts">
      {Object.entries(facts).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function settingsOf(server: Server): Record<string, string> {
  return {
    Version: server.version,
    'Completed events are kept': server.retentionMs === 0 ? 'forever' : `for ${duration(server.retentionMs)}`,
    ...(server.retentionMs > 0 &&
      server.keepFailedMs > server.retentionMs && {
        'Events with a failed delivery are kept': `for ${duration(server.keepFailedMs)}`,
      }),
    'Deliveries expire':
      server.deliveryMaxAgeMs === 0 ? 'never' : `after ${duration(server.deliveryMaxAgeMs)}`,
    'The audit log is kept': `for ${duration(server.auditRetentionMs)}`,
    'Time limit of an attempt': duration(server.timeoutMs),
    'Retries, each after': server.retryScheduleMs.map(duration).join(', ') || 'none',
  };
}

function limitsOf({ limits }: Server): Record<string, string> {
  const count = (value: number) => value.toLocaleString();
  return {
    'Data of an event': `${count(limits.dataBytes)} bytes`,
    'Events in one call': count(limits.events),
    'Elements on a page': count(limits.pageSize),
    'IDs in one lookup': count(limits.nodes),
    'Cost of an operation': count(limits.operationCost),
    'Size of a response': `${count(limits.responseBytes)} bytes`,
    'Retries of a webhook': count(limits.retries),
    'Delay before a retry': duration(limits.retryDelayMs),
    'Time limit of a webhook': `${duration(limits.minTimeoutMs)} to ${duration(limits.maxTimeoutMs)}`,
    'Rate of a webhook': `${count(limits.ratePerSecond)} attempts/s`,
  };
}
