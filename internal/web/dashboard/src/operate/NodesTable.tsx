import type { ServerNodeState, WatchServerSubscription } from '../gql/graphql';
import { ScrollTable } from '../ui/ScrollTable';
import { Time } from '../ui/Time';
import { Visible } from '../ui/Visible';

type Node = NonNullable<WatchServerSubscription['server']['nodes']>[number];

const COLUMNS = ['Node', 'State', 'Deliveries claimed', 'Host', 'Version', 'Started', 'Last seen'];

const STATES: Record<ServerNodeState, { name: string; sign: string; colour: string }> = {
  RUNNING: { name: 'Running', sign: '✓', colour: 'SUCCEEDED' },
  STOPPED: { name: 'Stopped', sign: '–', colour: 'CANCELED' },
  EXPIRED: { name: 'Lease expired', sign: '✕', colour: 'FAILED' },
};

/** The processes that share the database, and whether each holds its lease. */
export function NodesTable({ nodes }: { nodes: readonly Node[] }) {
  return (
    <>
      <h2>Nodes</h2>
      <ScrollTable label="Nodes, running ones first" columns={COLUMNS}>
        {nodes.map((node) => (
          <NodeRow key={node.number} node={node} />
        ))}
      </ScrollTable>
    </>
  );
}

function NodeRow({ node }: { node: Node }) {
  const state = STATES[node.state];
  return (
    <tr>
      <td>
        {node.number}
        {node.responds && <div className="soft">serves this page</div>}
      </td>
      <td>
        <span className="status" data-status={state.colour}>
          <span aria-hidden="true">{state.sign}</span> {state.name}
        </span>
        {node.endedAt && (
          <div className="soft">
            <Time at={node.endedAt} />
          </div>
        )}
      </td>
      <td>{node.claimedDeliveries.toLocaleString()}</td>
      <td className="name">{node.host ? <Visible text={node.host} /> : '–'}</td>
      <td>
        <Visible text={node.version} />
      </td>
      <td>
        <Time at={node.startedAt} />
      </td>
      <td>
        <Time at={node.lastSeenAt} />
      </td>
    </tr>
  );
}
