import type { ReplayRowFragment as Replay } from '../gql/graphql';
import { percent } from '../ui/time';
import { COLOURS, doneOf, isOpen, SIGNS, STATUS_NAMES, shareOf } from './replays';

/** The state of a replay, as a word with a sign and a colour. */
export function ReplayState({ replay }: { replay: Replay }) {
  return (
    <span className="status" data-status={COLOURS[replay.status]}>
      <span aria-hidden="true">{SIGNS[replay.status]}</span> {STATUS_NAMES[replay.status]}
    </span>
  );
}

/** How much of a replay is done, as a bar and in numbers. */
export function Progress({ replay }: { replay: Replay }) {
  const share = shareOf(replay);
  return (
    <span className="progress">
      {/* A bar without a value moves, which nothing does that has ended. */}
      {(share !== null || isOpen(replay)) && (
        <progress aria-label="Done" {...(share === null ? {} : { value: share })} max={1} />
      )}{' '}
      <span>
        {doneOf(replay)}
        {share !== null && <span className="soft"> · {percent(share)}</span>}
      </span>
    </span>
  );
}
