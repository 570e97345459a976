import { useCounted } from '../api/useLive';
import { STATUSES, type Suggestion } from '../filter/suggestions';
import type { Term } from '../filter/words';
import { DeliveryFacetsDocument, type DeliveryFacetsQuery } from '../gql/graphql';
import { deliveryFilter } from './filter';

/** The minimum time between two counts while deliveries change. */
const CALM_MS = 5_000;

/** How many event types and errors are suggested, each. */
const MAX_SUGGESTED = 4;

type Facets = NonNullable<DeliveryFacetsQuery['deliveries']>['facets'];

/** The words that narrow the list further, with the number of the latest deliveries that match each. version counts the changes. */
export function useFacets(terms: readonly Term[], version: number): Suggestion[] {
  const { data } = useCounted(DeliveryFacetsDocument, { filter: deliveryFilter(terms) }, version, CALM_MS);
  return suggestionsOf(data?.deliveries?.facets);
}

/** The statuses, and the most frequent event types and errors once they are known. */
export function suggestionsOf(facets: Facets | undefined): Suggestion[] {
  const counted = (count: number) => count.toLocaleString() + (facets?.precision === 'AT_LEAST' ? '+' : '');
  const statuses = STATUSES.map((status) => {
    const found = facets?.statuses.find(({ value }) => value.toLowerCase() === status);
    return { key: 'status' as const, value: status, count: found ? counted(found.count) : '' };
  });
  const types = facets?.eventTypes.slice(0, MAX_SUGGESTED) ?? [];
  const errors = facets?.errors.slice(0, MAX_SUGGESTED) ?? [];
  return [
    ...statuses,
    ...types.map(({ value, count }) => ({ key: 'type' as const, value, count: counted(count) })),
    ...errors.map(({ value, count }) => ({ key: 'error' as const, value, count: counted(count) })),
  ];
}
