export type Zone = 'local' | 'utc';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A duration in its two largest units: 4 min 10 s. */
export function duration(ms: number): string {
  if (ms < 1) return `${ms <= 0 ? 0 : ms.toFixed(2)} ms`;
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(1).replace('.0', '')} s`;
  const units: [number, string][] = [
    [DAY, 'd'],
    [HOUR, 'h'],
    [MINUTE, 'min'],
    [SECOND, 's'],
  ];
  const first = units.findIndex(([size]) => ms >= size);
  const parts: string[] = [];
  let rest = ms;
  for (const [size, name] of units.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${name}`);
  }
  return parts.join(' ');
}

/** An instant relative to now: "3 min ago", "in 4 min 10 s". */
export function relative(at: string, now: number): string {
  const ms = Date.parse(at) - now;
  if (Math.abs(ms) < 1500) return 'now';
  const text = duration(Math.floor(Math.abs(ms) / SECOND) * SECOND).replace(/ (\d+ [a-z]+)$/, (rest) =>
    // In the past one unit is enough.
    ms < 0 ? '' : rest,
  );
  return ms < 0 ? `${text} ago` : `in ${text}`;
}

/** An instant that has been, relative to now: one in the future is now, since the server's clock may be ahead of the browser's. */
export function ago(at: string, now: number): string {
  return relative(at, Math.max(now, Date.parse(at)));
}

/** An instant to the millisecond: 2026-11-27 17:04:05.250 UTC. */
export function absolute(at: string, zone: Zone): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  const offset = zone === 'utc' ? 0 : -date.getTimezoneOffset();
  const text = new Date(date.getTime() + offset * MINUTE).toISOString().replace('T', ' ').replace('Z', '');
  if (zone === 'utc') return `${text} UTC`;
  const sign = offset < 0 ? '−' : '+';
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0');
  return `${text} ${sign}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`;
}

/** A share in per cent, with more digits close to 100: 99.95 %. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(share > 0.99 && share < 1 ? 2 : 1)} %`;
}
