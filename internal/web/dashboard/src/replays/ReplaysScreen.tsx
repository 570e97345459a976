import { Link, useLocation } from 'wouter';
import { usePushed } from '../api/useLive';
import { useScope } from '../frame/viewer';
import { type ReplayRowFragment as Replay, ReplaysDocument, WatchReplayDocument } from '../gql/graphql';
import { Head } from '../ui/Head';
import { MoreButton } from '../ui/MoreButton';
import { Problem } from '../ui/Problem';
import { usePages } from '../ui/pages';
import { ScrollTable } from '../ui/ScrollTable';
import { Time } from '../ui/Time';
import { useTitle } from '../ui/title';
import { Visible } from '../ui/Visible';
import { Progress, ReplayState } from './ReplayState';
import { isOpen, KIND_NAMES } from './replays';

const COLUMNS = ['Replay', 'State', 'Done', 'Succeeded', 'Failed', 'Skipped', 'Created'];

/** The replays, newest first; the progress of those that are open is pushed. */
export function ReplaysScreen() {
  useTitle('Replays');
  const mayWrite = useScope('DELIVERIES_WRITE');
  const [, navigate] = useLocation();
  const list = usePages(ReplaysDocument, {}, (data) => data.replays);
  return (
    <div className="screen">
      <Head
        title="Replays"
        document={ReplaysDocument}
        variables={{}}
        action={mayWrite && { name: 'Send again…', run: () => navigate('/replays/new') }}
        onReload={list.reload}
      />
      <Problem error={list.error} what="The replays could not be read" onAgain={list.reload} />
      {list.rows && list.rows.length > 0 && (
        <ScrollTable label="Replays, newest first" columns={COLUMNS}>
          {list.rows.map((replay) =>
            isOpen(replay) ? (
              <OpenRow key={replay.id} replay={replay} />
            ) : (
              <Row key={replay.id} replay={replay} />
            ),
          )}
        </ScrollTable>
      )}
      {list.rows?.length === 0 && (
        <p className="empty">Nothing was sent again yet. After an outage, send again what failed.</p>
      )}
      <MoreButton onMore={list.more} loading={list.loading} />
    </div>
  );
}

function OpenRow({ replay }: { replay: Replay }) {
  const { data } = usePushed(WatchReplayDocument, { id: replay.id });
  return <Row replay={data?.replayProgress ?? replay} />;
}

function Row({ replay }: { replay: Replay }) {
  return (
    <tr>
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
      <td>{replay.succeeded.toLocaleString()}</td>
      <td>{replay.failed.toLocaleString()}</td>
      <td>{replay.skipped.toLocaleString()}</td>
      <td>
        <Time at={replay.createdAt} />
      </td>
    </tr>
  );
}
