import { useMemo } from 'react';
import { Link, useLocation } from 'wouter';
import { counts } from '../api/changes';
import { usePushed } from '../api/useLive';
import { useSession } from '../frame/Session';
import { useScope } from '../frame/viewer';
import { type ReplayRowFragment as Replay, ReplaysDocument, WatchReplayDocument } from '../gql/graphql';
import { useRowKeys } from '../ui/cursor';
import { Head } from '../ui/Head';
import { ListFoot } from '../ui/ListFoot';
import { LiveTable } from '../ui/LiveTable';
import { Problem } from '../ui/Problem';
import { ScrollTable } from '../ui/ScrollTable';
import { Time } from '../ui/Time';
import { useTitle } from '../ui/title';
import { usePages } from '../ui/usePages';
import { Visible } from '../ui/Visible';
import { Progress, ReplayState } from './ReplayState';
import { isOpen, KIND_NAMES } from './replays';

const COLUMNS = ['Replay', 'State', 'Done', 'Succeeded', 'Failed', 'Skipped', 'Created'];

/** The replays, newest first; the progress of those that are open is pushed. */
export function ReplaysScreen() {
  useTitle('Replays');
  const mayWrite = useScope('DELIVERIES_WRITE');
  const [, navigate] = useLocation();
  const { api } = useSession();
  const watch = useMemo(() => counts(api), [api]);
  const list = usePages(ReplaysDocument, {}, (data) => data.replays, { watch });
  return (
    <div className="screen">
      <Head
        title="Replays"
        document={ReplaysDocument}
        variables={{}}
        action={mayWrite && { name: 'Send again…', run: () => navigate('/replays/new') }}
      />
      <Problem error={list.error} what="The replays could not be read" onAgain={list.reload} />
      {list.rows && list.rows.length > 0 && (
        <LiveTable list={list}>
          <ReplayTable replays={list.rows} />
        </LiveTable>
      )}
      <ListFoot
        noun="replays"
        empty="Nothing was sent again yet. After an outage, send again what failed."
        list={list}
      />
    </div>
  );
}

function ReplayTable({ replays }: { replays: readonly Replay[] }) {
  const cursor = useRowKeys(replays, 'replay', (id) => `/replays/${id}`);
  return (
    <ScrollTable label="Replays, newest first" columns={COLUMNS}>
      {replays.map((replay) => {
        const props = { replay, isCurrent: replay.id === cursor };
        return isOpen(replay) ? <OpenRow key={replay.id} {...props} /> : <Row key={replay.id} {...props} />;
      })}
    </ScrollTable>
  );
}

interface RowProps {
  replay: Replay;
  isCurrent: boolean;
}

function OpenRow({ replay, isCurrent }: RowProps) {
  const { data } = usePushed(WatchReplayDocument, { id: replay.id });
  return <Row replay={data?.replayProgress ?? replay} isCurrent={isCurrent} />;
}

function Row({ replay, isCurrent }: RowProps) {
  const isCancel = replay.kind === 'CANCEL';
  return (
    <tr id={`row-${replay.id}`} data-current={isCurrent}>
      <td className="name">
        <Link href={`/replays/${replay.id}`}>{KIND_NAMES[replay.kind] ?? replay.kind}</Link>
        {replay.note && (
          <div className="soft">
            <Visible text={replay.note} />
          </div>
        )}
      </td>
      <td>
        <ReplayState replay={replay} />
      </td>
      <td>
        <Progress replay={replay} />
      </td>
      <td>{isCancel ? '–' : replay.succeeded.toLocaleString()}</td>
      <td>{isCancel ? '–' : replay.failed.toLocaleString()}</td>
      <td>{replay.skipped.toLocaleString()}</td>
      <td>
        <Time at={replay.createdAt} />
      </td>
    </tr>
  );
}
