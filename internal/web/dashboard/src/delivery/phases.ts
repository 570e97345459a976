import type { AttemptInfo } from './sentence';

export interface Phase {
  name: string;
  /** Of the CSS class that colours it. */
  kind: 'dns' | 'connect' | 'tls' | 'wait' | 'rest';
  ms: number;
}

/** The phases of an attempt in order, without those that took no time. */
export function phases({ dnsMs, connectMs, tlsMs, firstByteMs, totalMs }: AttemptInfo['timings']): Phase[] {
  const opening = dnsMs + connectMs + tlsMs;
  const answered = firstByteMs > 0;
  const wait = answered ? firstByteMs - opening : totalMs - opening;
  const all: Phase[] = [
    { name: 'DNS', kind: 'dns', ms: dnsMs },
    { name: 'Connect', kind: 'connect', ms: connectMs },
    { name: 'TLS', kind: 'tls', ms: tlsMs },
    { name: answered ? 'First byte' : 'Waiting', kind: 'wait', ms: wait },
    { name: 'Rest', kind: 'rest', ms: answered ? totalMs - firstByteMs : 0 },
  ];
  return all.filter(({ ms }) => ms >= 0.005);
}
