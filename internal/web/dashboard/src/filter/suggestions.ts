import type { Term } from './words';

/** A word that narrows a list, and the number of matching elements as text; "" if unknown. */
export interface Suggestion extends Term {
  count: string;
}

export const STATUSES = ['failed', 'pending', 'succeeded', 'held', 'canceled'];
