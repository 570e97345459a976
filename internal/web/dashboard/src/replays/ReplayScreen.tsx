import { Link } from 'wouter';
import { type ReplayRowFragment as Replay, ReplayDocument } from '../gql/graphql';
import { CopyButton } from '../ui/CopyButton';
import { GraphiqlLink } from '../ui/GraphiqlLink';
import { Missing } from '../ui/Missing';
import { Problem } from '../ui/Problem';
import { Time, useNow } from '../ui/Time';
import { useTitle } from '../ui/title';
import { Visible } from '../ui/Visible';
import { Conditions } from './Conditions';
import { ReplayActions } from './ReplayActions';
import { Progress, ReplayState } from './ReplayState';
import { isOpen, KIND_NAMES, leftOf } from './replays';
import { useReplay } from './useReplay';

/** A replay: its progress, its results, and the actions to pause, slow down or cancel it. */
export function ReplayScreen({ id }: { id: string }) {
  const { replay, filter, error, missing, reload } = useReplay(id);
  useTitle('Replay');
  return (
    <div className="screen">
      <Problem error={error} what="The replay could not be read" onAgain={reload} />
      {missing && <Missing noun="replay" id={id} why="It may have ended more than 90 days ago." />}
      {replay && (
        <>
          <div className="head">
            <h1>{KIND_NAMES[replay.kind] ?? replay.kind}</h1>
            <ReplayState replay={replay} />
            <span className="soft">
              created <Time at={replay.createdAt} />
            </span>
            <div className="head-end">
              <CopyButton text={replay.id}>Copy ID</CopyButton>
              <CopyButton text={() => location.href}>Copy link</CopyButton>
              <GraphiqlLink document={ReplayDocument} variables={{ id }} />
            </div>
          </div>
          {replay.note && (
            <p className="note-text">
              <Visible text={replay.note} />
            </p>
          )}
          {replay.failureReason && (
            <p className="alert" role="alert">
              The replay cannot go on: <Visible text={replay.failureReason} />
            </p>
          )}
          <ReplayActions replay={replay} onChanged={reload} />
          <p className="sentence">
            <Progress replay={replay} /> <Ending replay={replay} />
          </p>
          <Results replay={replay} />
          {replay.skipped > 0 && <p className="soft">{whySkipped(replay)}</p>}
          {filter !== null && <Conditions kind={replay.kind} exact={filter} />}
        </>
      )}
    </div>
  );
}

function Ending({ replay }: { replay: Replay }) {
  const { estimatedCompletionAt: estimate } = replay;
  const now = useNow(estimate);
  if (replay.completedAt) {
    return (
      <span className="soft">
        · ended <Time at={replay.completedAt} />
      </span>
    );
  }
  // One that has passed is of a replay that does not go on.
  if (replay.status !== 'RUNNING' || !estimate || Date.parse(estimate) < now - 2000) return null;
  return (
    <span className="soft">
      · done <Time at={estimate} future /> at this pace
    </span>
  );
}

function whySkipped({ kind }: Replay): string {
  return kind === 'CANCEL'
    ? 'Skipped: they ended before their turn came.'
    : 'Skipped: their webhook is disabled or deleted, or before their turn came they were retried, canceled, sent by another replay, or removed.';
}

/** The results, with the deliveries behind each number. */
function Results({ replay }: { replay: Replay }) {
  const retrying = replay.started - replay.succeeded - replay.failed;
  const rate = replay.ratePerSecond;
  if (replay.kind === 'CANCEL') {
    return (
      <dl className="facts">
        <Count name="Canceled" value={replay.started} />
        <Count name="Skipped" value={replay.skipped} />
        <Left replay={replay} what="canceled" />
      </dl>
    );
  }
  return (
    <>
      <dl className="facts">
        <Count name="Succeeded" value={replay.succeeded} href={listOf(replay, 'status:succeeded')} />
        <Count name="Failed again" value={replay.failed} href={listOf(replay, 'status:failed')} />
        {retrying > 0 && (
          <Count name="Being retried" value={retrying} href={listOf(replay, 'status:pending')} />
        )}
        <Count name="Skipped" value={replay.skipped} />
        <Left replay={replay} what="sent" />
        <div>
          <dt>Speed</dt>
          <dd>{rate == null ? 'as fast as possible' : `at most ${rate.toLocaleString()} a second`}</dd>
        </div>
      </dl>
      <p>
        <Link href={listOf(replay, '')}>See its deliveries in the list</Link>
      </p>
    </>
  );
}

/** The number of deliveries that are still to be sent or canceled, or that were left when it was canceled or failed. */
function Left({ replay, what }: { replay: Replay; what: 'sent' | 'canceled' }) {
  if (replay.status === 'COMPLETED') return null;
  return <Count name={`Not ${what}${isOpen(replay) ? ' yet' : ''}`} value={leftOf(replay)} />;
}

function listOf({ id }: Replay, words: string): string {
  return `/deliveries?q=${encodeURIComponent(`replay:${id} ${words}`.trim())}`;
}

function Count({ name, value, href }: { name: string; value: number | null; href?: string }) {
  const text = value?.toLocaleString() ?? 'unknown: too many to count';
  return (
    <div>
      <dt>{name}</dt>
      <dd>{href && value ? <Link href={href}>{text}</Link> : text}</dd>
    </div>
  );
}
