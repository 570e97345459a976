/** A query from a link, with its variables as JSON. */
export interface Linked {
  query: string;
  variables: string;
}

/**
 * Removes `#query=…` (and `&variables=…`), as in the dashboard's links to this page, from the address. Null if the address has
 * none.
 */
export function fromFragment(): Linked | null {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const query = fragment.get('query');
  if (!query) return null;
  const linked = { query, variables: fragment.get('variables') ?? '' };
  fragment.delete('query');
  fragment.delete('variables');
  const rest = fragment.size > 0 ? `#${fragment}` : '';
  history.replaceState(history.state, '', location.pathname + location.search + rest);
  return linked;
}
