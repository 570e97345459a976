import { graphql } from './gql/index.js';

// The operations that most programs need. `graphql` types your own operations too, once graphql-codegen has read them.

/** Registers a webhook. Its secret is shown only here. With the `externalId` of an existing webhook that one gets these settings; `created` is false then. */
export const RegisterWebhook = graphql(`
  mutation RegisterWebhook($input: CreateWebhookInput!) {
    createWebhook(input: $input) {
      webhook { id url events enabled externalId }
      secret
      created
      userErrors { code message field }
    }
  }
`);

/** Changes the given settings of a webhook. */
export const UpdateWebhook = graphql(`
  mutation UpdateWebhook($input: UpdateWebhookInput!) {
    updateWebhook(input: $input) {
      webhook { id url events enabled updatedAt }
      userErrors { code message field }
    }
  }
`);

/** Publishes up to 1,000 events. With idempotency keys the call is safe to repeat. */
export const PublishEvents = graphql(`
  mutation PublishEvents($input: PublishEventsInput!) {
    publishEvents(input: $input) {
      results { event { id } duplicate userErrors { code message field } }
      userErrors { code message field }
    }
  }
`);

/** A page of webhooks with their health. */
export const Webhooks = graphql(`
  query Webhooks($filter: WebhookFilter, $first: Int = 20, $after: String) {
    webhooks(first: $first, after: $after, filter: $filter) {
      nodes {
        id url description enabled disabledReason
        health { lastSuccessAt lastFailureAt failuresInARow successRate p95Ms disablesAt backlog { due held } }
      }
      pageInfo { hasNextPage endCursor searchedTo }
    }
  }
`);

/** A page of deliveries, each with its event and its last attempt. */
export const Deliveries = graphql(`
  query Deliveries($filter: DeliveryFilter, $first: Int = 20, $after: String) {
    deliveries(first: $first, after: $after, filter: $filter) {
      nodes {
        id status attemptCount createdAt completedAt nextAttemptAt webhookId webhookUrl
        event { id type tags }
        lastAttempt { id number status error message startedAt durationMs response { status } }
      }
      pageInfo { hasNextPage endCursor searchedTo }
    }
  }
`);

/** A delivery with its last attempts: each request, and the receiver's response. */
export const Delivery = graphql(`
  query Delivery($id: ID!) {
    delivery(id: $id) {
      id status attemptCount createdAt completedAt nextAttemptAt failureReason webhookId webhookUrl
      event { id type timestamp data }
      attempts(last: 10) {
        nodes {
          id number status error message startedAt durationMs
          explanation { summary cause advice }
          response { status body truncated }
        }
      }
    }
  }
`);

/** Makes a delivery due now. */
export const RetryDelivery = graphql(`
  mutation RetryDelivery($id: ID!) {
    retryDelivery(input: { id: $id }) {
      delivery { id status nextAttemptAt }
      userErrors { code message field }
    }
  }
`);

/** The statistics of a time range, and the deliveries that are open now. */
export const Overview = graphql(`
  query Overview($range: TimeRange!) {
    stats(range: $range) {
      asOf
      totals {
        events
        succeeded: deliveries(statuses: [SUCCEEDED])
        failed: deliveries(statuses: [FAILED])
        successRate
        p95: durationMs(quantile: 0.95)
      }
      backlog { due held oldestDueAt }
    }
  }
`);

/**
 * The changes of a list of deliveries. On `RESYNC`, sent first and whenever there are too many changes, fetch the list; on `CHANGED`, put
 * `delivery` into it, or remove it if `matches` is false.
 */
export const WatchDeliveries = graphql(`
  subscription WatchDeliveries($filter: DeliveryFilter) {
    deliveries(filter: $filter) {
      kind
      matches
      webhookId
      delivery {
        id status attemptCount createdAt completedAt nextAttemptAt webhookId webhookUrl
        event { id type tags }
        lastAttempt { id number status error message startedAt durationMs response { status } }
      }
    }
  }
`);

/**
 * The statistics of a time range and the deliveries open now, at most once a second. After the first, a message has only the buckets of `series` that
 * are new or have changed: replace those with the same `from`, and drop those before `Stats.from`.
 */
export const WatchStats = graphql(`
  subscription WatchStats($range: TimeRange!, $filter: StatsFilter) {
    stats(range: $range, filter: $filter) {
      from
      asOf
      totals {
        events
        succeeded: deliveries(statuses: [SUCCEEDED])
        failed: deliveries(statuses: [FAILED])
        successRate
        p95: durationMs(quantile: 0.95)
      }
      series { from to values { succeeded: deliveries(statuses: [SUCCEEDED]) failed: deliveries(statuses: [FAILED]) } }
      backlog { due held oldestDueAt }
    }
  }
`);

/** Every attempt, in the order in which attempts are recorded. It resumes after the last cursor. */
export const WatchAttempts = graphql(`
  subscription WatchAttempts($filter: DeliveryAttemptFilter, $after: String, $since: TimeBound) {
    deliveryAttempts(filter: $filter, after: $after, since: $since) {
      cursor
      node {
        id number status error message startedAt durationMs
        event { id type }
        webhook { id url }
        delivery { id status nextAttemptAt }
      }
    }
  }
`);
