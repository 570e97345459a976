import { graphql } from './gql/index.js';

export const RegisterWebhook = graphql(`
  mutation RegisterWebhook($input: CreateWebhookInput!) {
    createWebhook(input: $input) {
      webhook { id url events enabled }
      secret
      userErrors { code message field }
    }
  }
`);

export const Attempts = graphql(`
  query Attempts($filter: DeliveryAttemptFilter, $after: String) {
    attempts(first: 100, after: $after, filter: $filter) {
      nodes { id number status error message startedAt webhook { id url } event { id type } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

export const WatchAttempts = graphql(`
  subscription WatchAttempts($filter: DeliveryAttemptFilter, $after: String, $since: TimeBound) {
    deliveryAttempts(filter: $filter, after: $after, since: $since) {
      cursor
      node { id number status error message startedAt webhook { id url } event { id type } }
    }
  }
`);
