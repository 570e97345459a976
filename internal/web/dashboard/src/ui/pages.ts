import { useState } from 'react';
import { type AnyVariables, type OperationContext, type TypedDocumentNode, useQuery } from 'urql';

interface Page<Row> {
  nodes: readonly Row[];
  pageInfo: { hasNextPage: boolean; endCursor?: string | null };
}

/** The loaded pages of a list, one after the other. rows is null until the first page has arrived. */
export function usePages<Data, Variables extends NonNullable<AnyVariables>, Row extends { id: string }>(
  query: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  pageOf: (data: Data) => Page<Row> | null | undefined,
  context?: Partial<OperationContext>,
) {
  const key = JSON.stringify(variables);
  const [asked, setAsked] = useState({ key, after: null as string | null, earlier: [] as readonly Row[] });
  // Another filter begins at the beginning.
  const { after, earlier } = asked.key === key ? asked : { after: null, earlier: [] };
  const [{ data, error, stale, fetching }, ask] = useQuery({
    query,
    variables: { ...variables, after },
    context,
  });
  const page = data ? pageOf(data) : null;
  const end = page?.pageInfo.hasNextPage ? (page.pageInfo.endCursor ?? null) : null;
  const ids = new Set(page?.nodes.map(({ id }) => id));
  const rows = [...earlier.filter(({ id }) => !ids.has(id)), ...(page?.nodes ?? [])];
  return {
    rows: page || earlier.length > 0 ? rows : null,
    error,
    loading: fetching || stale,
    reload: () => ask({ requestPolicy: 'network-only' }),
    more: end !== null ? () => setAsked({ key, after: end, earlier: rows }) : null,
  };
}
