import { useSyncExternalStore } from 'react';
import { now } from '../api/clock';
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

interface Clock {
  subscribe: (listener: () => void) => () => void;
  read: () => number;
}

/** A clock that all its readers share: it runs while there are any, and they are rendered together. */
function clock(every: number): Clock {
  let shown = now();
  let timer: ReturnType<typeof setInterval> | undefined;
  const readers = new Set<() => void>();
  return {
    subscribe(reader) {
      readers.add(reader);
      timer ??= setInterval(() => {
        shown = now();
        for (const each of readers) each();
      }, every);
      return () => {
        readers.delete(reader);
        if (readers.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
    read() {
      if (!timer && Math.abs(now() - shown) >= every) shown = now();
      return shown;
    },
  };
}

const seconds = clock(1000);
const halfMinutes = clock(30_000);
const stopped: Clock = { subscribe: () => () => undefined, read: halfMinutes.read };

/** The current time by the server's clock, updated as often as this distance requires. */
export function useNow(at: string | null | undefined): number {
  const near = !!at && Math.abs(seconds.read() - Date.parse(at)) < 120_000;
  const { subscribe, read } = near ? seconds : at ? halfMinutes : stopped;
  return useSyncExternalStore(subscribe, read);
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
  const current = useNow(exact ? null : at);
  const text = absolute(at, useZone());
  const distance = future || exact ? relative(at, current) : ago(at, current);
  return (
    <time dateTime={at} title={exact ? distance : text}>
      {exact ? text : distance}
    </time>
  );
}
