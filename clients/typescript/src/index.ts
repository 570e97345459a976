export { ApiError, Hookgraph, type Options, type Watch } from './client.js';
export { graphql } from './gql/index.js';
export type * from './gql/graphql.js';
export * from './operations.js';
export { backoff, hopeful, resuming } from './resume.js';
