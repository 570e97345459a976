/** The names of the members of a form, in the middle of a sentence. */
export type Names<Form> = Record<keyof Form, string>;

/** A form as it is compared: what means the same as typed and as stored is equal. */
export type Canonical<Form> = (form: Form) => Record<keyof Form, unknown>;

export interface Merged<Form> {
  form: Form;
  clashes: (keyof Form)[];
}

/**
 * The form after someone else changed the webhook: what was typed stays, and everything else is as it is now. clashes are what was typed and
 * has changed to something else, now or, as those of told, before.
 */
export function merged<Form extends object>(
  typed: Form,
  before: Form,
  now: Form,
  told: readonly (keyof Form)[] = [],
  canonical: Canonical<Form> = (form) => form,
): Merged<Form> {
  const [mine, old, theirs] = [canonical(typed), canonical(before), canonical(now)];
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  const keys = Object.keys(now) as (keyof Form)[];
  const own = keys.filter((key) => !same(mine[key], old[key]));
  const kept = keys.filter((key) => own.includes(key) || same(mine[key], theirs[key]));
  return {
    form: { ...now, ...Object.fromEntries(kept.map((key) => [key, typed[key]])) },
    clashes: own.filter(
      (key) => !same(theirs[key], mine[key]) && (told.includes(key) || !same(theirs[key], old[key])),
    ),
  };
}

const TOKEN = /("[^"\\]*(?:\\.[^"\\]*)*")|\s+/g;

/** JSON without the white space between its tokens. */
export function compact(json: string): string {
  return json.replace(TOKEN, (_, text?: string) => text ?? '');
}
