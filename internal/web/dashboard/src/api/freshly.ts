import type { AnyVariables, Client, OperationContext, OperationResult, TypedDocumentNode } from 'urql';
import { inTime } from './inTime';

const MAX_TRIES = 3;

/**
 * Runs a query whose result must include a change. If the same query is already running, urql waits for its response, which may have been read
 * before the change: in that case the query runs once more.
 */
export async function freshly<Data, Variables extends AnyVariables>(
  client: Client,
  query: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  context?: Partial<OperationContext>,
): Promise<OperationResult<Data, Variables>> {
  for (let tries = 1; ; tries++) {
    let sent = false;
    const send: typeof fetch = (input, init) => {
      sent = true;
      return (context?.fetch ?? inTime)(input, init);
    };
    const result = await client
      .query(query, variables, { ...context, fetch: send, requestPolicy: 'network-only' })
      .toPromise();
    if (sent || tries === MAX_TRIES) return result;
  }
}
