import { useEffect, useRef, useState } from 'react';
import type { AnyVariables, CombinedError, OperationContext, TypedDocumentNode } from 'urql';
import type { Watch } from '../api/changes';
import { freshly } from '../api/freshly';
import { useSession } from '../frame/Session';
import { MAX_ROWS } from './list';
import { openPages } from './openPages';
import { NO_PAGES, type Page, type Pages } from './pages';

interface Options {
  context?: Partial<OperationContext>;
  /** Signals that the list may have changed; absent if nothing does. Must be stable between renders. */
  watch?: Watch | undefined;
}

/** The loaded pages of a list, kept current. rows is null until the first page has arrived. */
export function usePages<Data, Variables extends NonNullable<AnyVariables>, Row extends { id: string }>(
  query: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  pageOf: (data: Data) => Page<Row> | null | undefined,
  { context, watch }: Options = {},
) {
  const { api } = useSession();
  const key = JSON.stringify(variables);
  const [shown, setShown] = useState({ key, list: NO_PAGES as Pages<Row> });
  const [busy, setBusy] = useState({ key, isLoading: true });
  const [error, setError] = useState<CombinedError>();
  const isHeld = useRef(false);
  const open = useRef<ReturnType<typeof openPages>>(undefined);
  const page = useRef(pageOf);
  page.current = pageOf;

  useEffect(() => {
    const variables = JSON.parse(key) as Variables;
    const own = openPages<Row>({
      kept() {
        const asked = { ...variables, after: null };
        const answer = api.client.readQuery(query, asked, { ...context, requestPolicy: 'cache-only' });
        return (answer?.data && page.current(answer.data)) ?? null;
      },
      async load(after) {
        const { data, error } = await freshly(api.client, query, { ...variables, after }, context);
        return { page: data ? (page.current(data) ?? null) : null, error };
      },
      watch,
      isHeld: () => isHeld.current,
      show: (list) => setShown({ key, list }),
      setLoading: (isLoading) => setBusy({ key, isLoading }),
      setError,
    });
    open.current = own;
    return own.close;
  }, [api, query, key, context, watch]);

  // Another filter starts at its first page.
  const list = shown.key === key ? shown.list : (NO_PAGES as Pages<Row>);
  const { rows, next, searchedTo, pages, unseen } = list;
  return {
    rows: pages > 0 ? rows : null,
    next,
    searchedTo,
    unseen,
    error,
    loading: busy.key !== key || busy.isLoading,
    reload: () => void open.current?.reload(),
    more: next !== null && rows.length < MAX_ROWS ? () => void open.current?.more() : null,
    /** Whether rows may not move. */
    hold(held: boolean) {
      isHeld.current = held;
      if (!held) open.current?.resume();
    },
  };
}
