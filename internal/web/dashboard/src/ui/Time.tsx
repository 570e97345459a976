import { useEffect, useState, useSyncExternalStore } from 'react';
import { Choice } from './Choice';
import { keep, kept } from './kept';
import { absolute, ago, relative, type Zone } from './time';

const KEY = 'hookgraph:zone';
let zone: Zone = kept(KEY) === 'utc' ? 'utc' : 'local';
const listeners = new Set<() => void>();

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

export function useZone(): Zone {
  return useSyncExternalStore(subscribe, () => zone);
}

const ZONES = { local: 'Local', utc: 'UTC' } as const;

export function TimeSwitch() {
  return (
    <Choice
      name="Times"
      value={useZone()}
      options={ZONES}
      onChange={(next) => {
        zone = next;
        keep(KEY, next);
        for (const listener of listeners) listener();
      }}
    />
  );
}

/** The current time, updated as often as this distance requires. */
export function useNow(at: string | null | undefined): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!at) return;
    const look = () => setNow(Date.now());
    look(); // a new time is not compared with when the one before it was looked at
    const distance = Math.abs(Date.now() - Date.parse(at));
    const timer = setInterval(look, distance < 120_000 ? 1000 : 30_000);
    return () => clearInterval(timer);
  }, [at]);
  return now;
}

/** A time relative to now; the exact time on hover. It has been, unless it may be to come. */
export function Time({
  at,
  exact = false,
  future = false,
}: {
  at: string;
  exact?: boolean;
  future?: boolean;
}) {
  const now = useNow(exact ? null : at);
  const text = absolute(at, useZone());
  const distance = future || exact ? relative(at, now) : ago(at, now);
  return (
    <time dateTime={at} title={exact ? distance : text}>
      {exact ? text : distance}
    </time>
  );
}
