import { useQuery } from 'urql';
import { NewestWantedDocument, type NewestWantedQuery } from '../../gql/graphql';

export type NewestEvent = NonNullable<NewestWantedQuery['events']>['nodes'][number];

/** The newest events of a webhook's types, which settings are tried on; null until they are read. */
export function useNewest(types: readonly string[] | null, first: number): readonly NewestEvent[] | null {
  const [newest] = useQuery({
    query: NewestWantedDocument,
    variables: { types: types?.length ? [...types] : null, first },
    requestPolicy: 'network-only',
  });
  return newest.fetching ? null : (newest.data?.events?.nodes ?? []);
}
