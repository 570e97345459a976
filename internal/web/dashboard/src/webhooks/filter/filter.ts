import type { FilterOfWebhookQuery, TryFilterQuery } from '../../gql/graphql';
import { compact, type Names } from '../form/merged';

export type Stored = NonNullable<FilterOfWebhookQuery['webhook']>;

/** The filter as typed. */
export interface FilterForm {
  filter: string;
}

export const NAMES: Names<FilterForm> = { filter: 'filter' };

export function formOf({ exactFilter }: Pick<Stored, 'exactFilter'>): FilterForm {
  return { filter: typeof exactFilter === 'string' && exactFilter !== 'null' ? exactFilter : '' };
}

export function canonical({ filter }: FilterForm) {
  return { filter: compact(filter) };
}

/** The filter as JSON to send: none is null. */
export function filterText(text: string): string {
  return text.trim() === '' ? 'null' : text;
}

type Preview = NonNullable<TryFilterQuery['previewDelivery']>;

/** How many of the newest events match, in words; "" if there is nothing to say. */
export function recentText({ matchedOfRecent }: Pick<Preview, 'matchedOfRecent'>): string {
  if (!matchedOfRecent) return '';
  const { matched, of } = matchedOfRecent;
  if (of === 0) return 'No event of these types is stored to try it on.';
  const all = of === 1 ? 'the last event' : `the last ${of.toLocaleString()} events`;
  if (of === 1) return matched === 1 ? `It matches ${all}.` : `It does not match ${all}.`;
  return `${matched === of ? 'All' : matched === 0 ? 'None' : matched.toLocaleString()} of ${all} match${matched === 1 ? 'es' : ''}.`;
}
