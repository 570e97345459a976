import { keep, kept } from '../ui/kept';

// The filters that were saved under a name, on this device.

export interface View {
  name: string;
  q: string;
}

/** The maximum number of views of a list; beyond it the oldest is dropped. */
const MAX_VIEWS = 30;
const MAX_NAME = 80;

/** The views stored under a key; entries of another form are ignored. */
export function load(key: string): View[] {
  try {
    const views: unknown = JSON.parse(kept(key) ?? '[]');
    return Array.isArray(views) ? views.filter(isView) : [];
  } catch {
    return [];
  }
}

function isView(value: unknown): value is View {
  const { name, q } = (value ?? {}) as Partial<View>;
  return typeof name === 'string' && typeof q === 'string';
}

/** The views with one more, in place of the one with the same name. */
export function withView(views: readonly View[], { name, q }: View): View[] {
  const own = { name: name.trim().slice(0, MAX_NAME), q };
  if (!own.name) return [...views];
  return [...views.filter((view) => view.name !== own.name), own].slice(-MAX_VIEWS);
}

export function save(key: string, views: readonly View[]): void {
  keep(key, JSON.stringify(views));
}
