import { createContext, useContext } from 'react';
import type { TokenScope, ViewerQuery } from '../gql/graphql';

export type Viewer = NonNullable<ViewerQuery['viewer']>;

export const ViewerContext = createContext<Viewer | null>(null);

/** The caller; null until the server has said who that is. */
export function useViewer(): Viewer | null {
  return useContext(ViewerContext);
}

/** Whether the caller's token has the scope. */
export function useScope(scope: TokenScope): boolean {
  return useViewer()?.token.scopes.includes(scope) ?? false;
}
