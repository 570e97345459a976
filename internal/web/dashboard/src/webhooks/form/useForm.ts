import { useState } from 'react';
import { type Canonical, type Merged, merged } from './merged';

interface State<Stored, Form> extends Merged<Form> {
  stored: Stored;
  /** What typed fields are told by: the form as stored, or as it was saved until that is read. */
  before: Form;
}

/**
 * A form of what is stored of a webhook. It follows changes by others, keeps what was typed, and has what they changed of that as clashes.
 * formOf makes it.
 */
export function useForm<Stored extends { updatedAt: string }, Form extends object>(
  stored: Stored,
  formOf: (stored: Stored) => Form,
  canonical?: Canonical<Form>,
) {
  const [state, setState] = useState<State<Stored, Form>>(() => {
    const form = formOf(stored);
    return { stored, before: form, form, clashes: [] };
  });
  let current = state;
  if (stored.updatedAt !== state.stored.updatedAt) {
    const now = formOf(stored);
    const { form, clashes } = merged(state.form, state.before, now, state.clashes, canonical);
    current = { stored, before: now, form, clashes };
    setState(current);
  }
  const { form, before } = current;
  return {
    form,
    /** Without what was typed back since. */
    clashes: merged(form, before, before, current.clashes, canonical).clashes,
    set: (change: Partial<Form>) => setState((now) => ({ ...now, form: { ...now.form, ...change } })),
    /** To be called after this form was saved: nothing of it is typed any more, and clashes are settled. shown takes out what is secret. */
    saved: (shown: (form: Form) => Form = (form) => form) =>
      setState((now) => {
        const before = shown(form);
        const typed = shown(now.form);
        return now.stored.updatedAt === stored.updatedAt
          ? { ...now, before, form: typed, clashes: [] }
          : { ...now, ...merged(typed, before, now.before, [], canonical) };
      }),
  };
}
