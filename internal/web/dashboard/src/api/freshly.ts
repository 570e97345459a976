import type { AnyVariables, Client, OperationContext, OperationResult, TypedDocumentNode } from 'urql';
import { inTime } from './inTime';

const MAX_TRIES = 3;

/**
 * Asks, for what is to be shown after a change. While the same was asked already, urql waits for that answer, which may have been read
 * before the change: then this asks once more.
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
