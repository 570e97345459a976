import type { Term } from './words';

/** A word that narrows a list, and how many elements it leaves, as it is shown; "" when that is not known. */
export interface Suggestion extends Term {
  count: string;
}

export const STATUSES = ['failed', 'pending', 'succeeded', 'held', 'canceled'];
