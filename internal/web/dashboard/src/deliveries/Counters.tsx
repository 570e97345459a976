import { MAX_RATE } from './feed';
import type { LiveFeed } from './useFeed';

/** The stream's attempts in numbers. */
export function Counters({ list }: { list: LiveFeed }) {
  const { counters, feed } = list;
  if (counters.succeeded + counters.failed === 0) return null;
  return (
    <span className="counters" title="All attempts since ten seconds before this list was opened">
      <span>
        <b>{counters.rate.toLocaleString()}</b> attempts/s
      </span>
      <span>
        <b>{counters.succeeded.toLocaleString()}</b> succeeded
      </span>
      <span>
        <b>{counters.failed.toLocaleString()}</b> failed
      </span>
      {feed.leftOut > 0 && (
        <span title={`At more than ${MAX_RATE} a second the list shows some of them; the numbers count all.`}>
          a sample: {feed.leftOut.toLocaleString()} not listed{' '}
          <button type="button" className="quiet" onClick={list.reload}>
            Reload
          </button>
        </span>
      )}
    </span>
  );
}
