import type { WatchServerSubscription } from '../gql/graphql';
import { ScrollTable } from '../ui/ScrollTable';
import { Time } from '../ui/Time';
import { duration } from '../ui/time';
import { Visible } from '../ui/Visible';

type Task = NonNullable<WatchServerSubscription['server']['tasks']>[number];

const COLUMNS = ['Task', 'Every', 'Last run', 'Took', 'Result'];

/** The background tasks of the node that serves the page, with their last runs. */
export function TasksTable({ tasks }: { tasks: readonly Task[] }) {
  return (
    <>
      <h2>Background tasks</h2>
      <ScrollTable label="Background tasks of the node that serves this page" columns={COLUMNS}>
        {tasks.map((task) => (
          <TaskRow key={task.name} task={task} />
        ))}
      </ScrollTable>
    </>
  );
}

function TaskRow({ task }: { task: Task }) {
  return (
    <tr>
      <td className="name">
        {task.name}
        {task.exclusive && <div className="soft">on one node at a time</div>}
      </td>
      <td>{duration(task.intervalMs)}</td>
      <td>{task.startedAt ? <Time at={task.startedAt} /> : 'never'}</td>
      <td>{task.durationMs == null ? '–' : duration(task.durationMs)}</td>
      <td className="name">
        <Result task={task} />
      </td>
    </tr>
  );
}

function Result({ task }: { task: Task }) {
  if (task.error != null) {
    return (
      <>
        <span className="status" data-status="FAILED">
          <span aria-hidden="true">✕</span> Failed {timesInARow(task.failuresInARow)}
        </span>
        <div className="soft">
          <Visible text={task.error} />
        </div>
      </>
    );
  }
  if (task.runs > 0) {
    return (
      <span className="status" data-status="SUCCEEDED">
        <span aria-hidden="true">✓</span> Succeeded
      </span>
    );
  }
  if (task.running) return 'Running';
  return task.passed > 0 ? 'Runs on another node' : 'Has not run yet';
}

function timesInARow(failures: number): string {
  return failures === 1 ? 'once' : `${failures.toLocaleString()} times in a row`;
}
