import { BASE } from '../api/base';
import { pause } from '../api/client';

// The session of the customer portal: opened with a link's code, kept for the tab, renewed until it ends.

export interface Theme {
  name: string;
  logo: string;
  accent_color: string;
  appearance: 'LIGHT' | 'DARK' | 'AUTO';
}

/** What the server says of a session. */
interface Answer {
  label: string;
  credential?: string;
  session_expires_in_ms: number;
  ends_at: string;
  expires_at: string;
  start_path: string;
  tenant: { name: string };
  theme: Theme | null;
}

export type PortalSession = Answer & { credential: string };

/** Why there is no session. */
export type Refusal = 'no-link' | 'refused-link' | 'ended' | 'left' | 'busy' | 'offline';

const KEY = 'hookgraph:portal';

/** The session of the tab, where the browser blocks site data, as in frames of other sites. */
let inMemory: PortalSession | null = null;

export function load(): PortalSession | null {
  try {
    const text = sessionStorage.getItem(KEY);
    if (text) return JSON.parse(text) as PortalSession;
  } catch {
    // Blocked.
  }
  return inMemory;
}

function save(session: PortalSession): void {
  inMemory = session;
  try {
    sessionStorage.setItem(KEY, JSON.stringify(session));
  } catch {
    // Blocked; the session lasts as long as the page.
  }
}

export function forget(): void {
  inMemory = null;
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // Blocked.
  }
}

async function call(path: string, init: RequestInit): Promise<Response | null> {
  try {
    return await fetch(new URL(path, BASE), { ...init, cache: 'no-store', referrerPolicy: 'no-referrer' });
  } catch {
    return null;
  }
}

/** Opens a link: once, whatever comes of it. */
export async function openLink(code: string): Promise<PortalSession | Refusal> {
  const response = await call('portal/session', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ code }),
  });
  if (!response || response.status >= 500) return 'offline';
  if (response.status === 429) return 'busy';
  if (!response.ok) return 'refused-link';
  const session = (await response.json()) as PortalSession;
  save(session);
  return session;
}

/** Ends the session, on the server too. */
export async function leave({ credential }: PortalSession): Promise<void> {
  forget();
  await call('portal/session', { method: 'DELETE', headers: { Authorization: `Bearer ${credential}` } });
}

/** The least time between two renewals. */
const MIN_MS = 500;

/**
 * Renews the session until it has ended, at half of its time, so that a request that fails is repeated before that. The clock of the device does
 * not matter. ended is called once, when the server refuses it. Returns a function that stops.
 */
export function keepAlive(session: PortalSession, ended: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  let failures = 0;

  async function renew() {
    const asked = await call('portal/session/renew', {
      method: 'POST',
      headers: { Authorization: `Bearer ${session.credential}` },
    });
    if (stopped) return;
    if (asked?.status === 401 || asked?.status === 403) {
      stopped = true;
      return ended();
    }
    if (!asked?.ok) {
      timer = setTimeout(renew, pause(failures++) + MIN_MS);
      return;
    }
    failures = 0;
    const answer = (await asked.json()) as Answer;
    if (stopped) return;
    save({ ...session, ...answer, credential: session.credential });
    const now = Date.parse(asked.headers.get('Date') ?? '') || Date.now();
    const left = Math.min(answer.session_expires_in_ms, Date.parse(answer.ends_at) - now);
    timer = setTimeout(renew, Math.max(MIN_MS, left / 2));
  }

  void renew();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
