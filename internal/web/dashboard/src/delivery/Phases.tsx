import { duration } from '../ui/time';
import { phases } from './phases';
import type { AttemptInfo } from './sentence';

/** The time that an attempt spent in each phase, as a bar and in words. */
export function Phases({ timings }: { timings: AttemptInfo['timings'] }) {
  const found = phases(timings);
  return (
    <div className="phases">
      <div className="phase-bar" aria-hidden="true">
        {/* Growth that adds up to less than 1 would leave a gap, so it is in microseconds. */}
        {found.map(({ kind, ms }) => (
          <span key={kind} data-phase={kind} style={{ flexGrow: 1000 * ms }} />
        ))}
      </div>
      <ul>
        {found.map(({ name, kind, ms }) => (
          <li key={kind}>
            <span className="swatch" data-phase={kind} aria-hidden="true" /> {name} <b>{duration(ms)}</b>
          </li>
        ))}
        {timings.dnsMs + timings.connectMs + timings.tlsMs === 0 && (
          <li className="soft">The connection was reused.</li>
        )}
        <li>
          In all <b>{duration(timings.totalMs)}</b>
        </li>
      </ul>
    </div>
  );
}
