import type { ReactNode } from 'react';
import type { TypedDocumentNode } from 'urql';
import { GraphiqlLink } from './GraphiqlLink';

interface Props<Variables> {
  title: string;
  /** What the query of GraphiQL is. */
  document: TypedDocumentNode<unknown, Variables>;
  variables: Variables;
  /** The main action of the screen, if it has one. */
  action?: { name: string; run(): void } | false;
  /** Absent: the list is kept current. */
  onReload?: (() => void) | undefined;
  /** The switch for live updates, if there is one. */
  live?: ReactNode;
  /** Other buttons. */
  children?: ReactNode;
}

/** The head of a screen with a list: what it is, and what can be done with all of it. */
export function Head<Variables>({
  title,
  document,
  variables,
  action,
  onReload,
  live,
  children,
}: Props<Variables>) {
  return (
    <div className="head">
      <h1>{title}</h1>
      {live}
      {action && (
        <button type="button" className="primary" onClick={action.run}>
          {action.name}
        </button>
      )}
      <div className="head-end">
        {onReload && (
          <button type="button" className="quiet" onClick={onReload}>
            Reload
          </button>
        )}
        {children}
        <GraphiqlLink document={document} variables={variables} />
      </div>
    </div>
  );
}
