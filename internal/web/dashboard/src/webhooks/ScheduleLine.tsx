import { duration } from '../ui/time';

/** The attempts of a schedule on a line, starting with the first. The scale is logarithmic: delays grow from seconds to days. */
export function ScheduleLine({ delays }: { delays: readonly number[] }) {
  let at = 0;
  const times = [0, ...delays.map((delay) => (at += delay))];
  const all = Math.log1p(at / 1000) || 1;
  return (
    <ol className="schedule-line" aria-label="Attempts">
      {times.map((ms, i) => (
        <li
          key={i}
          style={{ left: `${(100 * Math.log1p(ms / 1000)) / all}%` }}
          title={i === 0 ? 'at once' : `after ${duration(ms)}`}
        >
          <span className="unseen">{i === 0 ? 'at once' : `after ${duration(ms)}`}</span>
        </li>
      ))}
    </ol>
  );
}
