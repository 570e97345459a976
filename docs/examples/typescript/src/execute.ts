import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import { server, token } from './settings.js';

/** An error of the client or the server: see code. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly code?: string, // UNAUTHENTICATED, BAD_USER_INPUT, …
    readonly requestId?: string, // the server's log has the cause under it
  ) {
    super(message);
  }
}

/** Runs a query or a mutation. */
export async function execute<Result, Variables>(
  document: TypedDocumentNode<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  const response = await fetch(`${server}/graphql`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/graphql-response+json',
      Authorization: `Bearer ${token}`,
    },
    body: JSON.stringify({ query: print(document), variables }),
  });
  const { data, errors } = await response.json();
  if (errors) {
    const { message, extensions } = errors[0];
    throw new ApiError(message, extensions?.code, extensions?.requestId);
  }
  return data;
}
