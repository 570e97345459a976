import type { ReactNode } from 'react';
import type { TypedDocumentNode } from 'urql';
import { GraphiqlLink } from './GraphiqlLink';

interface Props<Variables> {
  title: string;
  /** What the query in GraphiQL shows. */
  document: TypedDocumentNode<unknown, Variables>;
  variables: Variables;
  /** The main action of the screen, if it has one. */
  action?: { name: string; run(): void } | false;
  /** Absent if the list is live. */
  onReload?: (() => void) | undefined;
  /** The switch for live updates, if there is one. */
  live?: ReactNode;
  /** Other buttons. */
  children?: ReactNode;
}

/** The head of a screen with a list: its title, and the actions for the whole list. */
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
