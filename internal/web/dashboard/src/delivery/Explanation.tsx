import { Visible } from '../ui/Visible';
import type { AttemptInfo } from './sentence';

/** Whether the message adds nothing to the summary. */
function says(summary: string, message: string): boolean {
  return summary.toLowerCase() === `${message.toLowerCase()}.`;
}

/** Why an attempt failed, what to do about it, and what happens next. */
export function Explanation({ attempt }: { attempt: AttemptInfo }) {
  const { explanation } = attempt;
  if (!explanation) return attempt.message ? <p className="note">{attempt.message}</p> : null;
  return (
    <section className="explanation" aria-label="Why it failed">
      <h3>{explanation.summary}</h3>
      <p>{explanation.cause}</p>
      <p>
        <b>What to do:</b> {explanation.advice}
      </p>
      <p>
        <b>What happens next:</b> {explanation.next}
      </p>
      {attempt.message && !says(explanation.summary, attempt.message) && (
        <p className="soft">
          <Visible text={attempt.message} />
        </p>
      )}
    </section>
  );
}
