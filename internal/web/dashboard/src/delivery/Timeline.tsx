import { Time } from '../ui/Time';
import { duration } from '../ui/time';
import type { AttemptInfo, Delivery } from './sentence';

interface Props {
  delivery: Delivery;
  attempts: readonly AttemptInfo[];
  chosen: string | undefined;
  onChoose(id: string): void;
}

const TRIGGERS: Record<AttemptInfo['trigger'], string> = {
  SCHEDULE: '',
  MANUAL: 'retried by hand',
  REPLAY: 'replayed',
  TEST: 'a test',
};

/** The attempts in order, with the waits between them, and the next one. */
export function Timeline({ delivery, attempts, chosen, onChoose }: Props) {
  return (
    <ol className="timeline" aria-label="Attempts">
      {delivery.attempts?.pageInfo.hasPreviousPage && (
        <li className="wait">Earlier attempts are not shown.</li>
      )}
      {attempts.map((attempt, i) => {
        const before = attempts[i - 1];
        const from = before
          ? Date.parse(before.startedAt) + before.durationMs
          : Date.parse(delivery.createdAt);
        return (
          <li key={attempt.id} data-status={attempt.status}>
            <span className="wait">
              {duration(Math.max(0, Date.parse(attempt.startedAt) - from))}{' '}
              {before ? 'later' : 'after it was published'}
              {TRIGGERS[attempt.trigger] && `, ${TRIGGERS[attempt.trigger]}`}
            </span>
            <button type="button" aria-pressed={attempt.id === chosen} onClick={() => onChoose(attempt.id)}>
              <b>
                <span className="unseen">Attempt </span>
                {attempt.number}
              </b>
              <span className="result">
                {attempt.status === 'SUCCEEDED' ? '✓ ' : '✕ '}
                {attempt.response?.status ?? attempt.error}
              </span>
              <span className="soft">
                {duration(attempt.durationMs)} · <Time at={attempt.startedAt} />
              </span>
            </button>
          </li>
        );
      })}
      {delivery.status === 'PENDING' && !delivery.blockedBy && (
        <li className="to-come">
          {delivery.nextAttemptAt ? (
            <>
              Attempt {delivery.attemptCount + 1} is due <Time at={delivery.nextAttemptAt} future />
            </>
          ) : (
            <>Attempt {delivery.attemptCount + 1} is running.</>
          )}
        </li>
      )}
    </ol>
  );
}
