import { stringifyDocument, type TypedDocumentNode } from 'urql';
import { BASE } from '../api/base';
import { useSession } from '../frame/Session';

interface Props<Variables> {
  document: TypedDocumentNode<unknown, Variables>;
  variables: Variables;
}

/** Opens GraphiQL with the query of the screen; not from the customer portal, whose session is of the portal only. */
export function GraphiqlLink<Variables>({ document, variables }: Props<Variables>) {
  const { portal } = useSession();
  if (portal) return null;
  const fragment = new URLSearchParams({
    query: stringifyDocument(document),
    variables: JSON.stringify(variables, null, 2),
  });
  return (
    // With its opener the window starts with a copy of this one's session storage, so that it knows the token.
    // biome-ignore lint/security/noBlankTarget: it is this server's own page
    <a href={new URL(`graphiql#${fragment}`, BASE).href} target="_blank" rel="opener" className="soft-link">
      Open in GraphiQL
    </a>
  );
}
