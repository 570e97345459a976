/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** The reason why an attempt failed. */
export type AttemptErrorCode =
  /** The host resolves to an address that this server does not connect to. */
  | 'BLOCKED_ADDRESS'
  /** The receiver did not accept the webhook's client certificate. */
  | 'CLIENT_CERTIFICATE'
  /** No connection was established: it was refused or reset, or there is no route to the receiver. */
  | 'CONNECT'
  /** The host name does not exist or has no address, or its name servers answered with an error. */
  | 'DNS'
  /** The receiver answered with a status other than 2xx. */
  | 'HTTP_STATUS'
  /** No access token could be fetched for the webhook's OAuth 2.0 authentication; nothing was sent, or the receiver refused the token before. */
  | 'OAUTH_TOKEN'
  /** The webhook's payload template makes a body that is too long; nothing was sent. */
  | 'PAYLOAD'
  /** The connection ended before the response headers were complete, or they are not valid HTTP. */
  | 'PROTOCOL'
  /** The response began but was not complete before the deadline. */
  | 'RESPONSE_TOO_SLOW'
  /** The request could not be signed. */
  | 'SIGNING'
  /** No response was received before the deadline. The message names the phase that used up the time. */
  | 'TIMEOUT'
  /** The TLS handshake failed, the certificate is not valid, or the receiver ended the session with an alert. */
  | 'TLS';

/** The outcome of an attempt. */
export type AttemptStatus =
  /** No 2xx status was received; `error` gives the reason. */
  | 'FAILED'
  /** The receiver answered with a 2xx status. */
  | 'SUCCEEDED';

/** What caused an attempt. */
export type AttemptTrigger =
  /** A call of `retryDelivery`. */
  | 'MANUAL'
  /** A replay. */
  | 'REPLAY'
  /** The retry schedule, including the first attempt. */
  | 'SCHEDULE'
  /** A call of `testWebhook`. */
  | 'TEST';

/** The kinds of changes. */
export type AuditAction =
  /** The database was restored from a backup: changes that were made after the time `asOf` of the backup are undone. */
  | 'DATABASE_RESTORED'
  /** A delivery was canceled by hand. */
  | 'DELIVERY_CANCELED'
  /** A delivery was retried by hand. */
  | 'DELIVERY_RETRIED'
  /** An event type was declared. */
  | 'EVENT_TYPE_CREATED'
  /** The declaration of an event type was deleted. */
  | 'EVENT_TYPE_DELETED'
  /** Settings of a declared event type were changed. */
  | 'EVENT_TYPE_UPDATED'
  /** An issue was acknowledged. */
  | 'ISSUE_ACKNOWLEDGED'
  /** The master key, which encrypts secrets, was changed. */
  | 'KEY_ROTATED'
  /** A link to the customer portal was created. */
  | 'PORTAL_SESSION_CREATED'
  /** A link to the customer portal was opened. */
  | 'PORTAL_SESSION_OPENED'
  /** A portal session was revoked, or a link that was not opened. */
  | 'PORTAL_SESSION_REVOKED'
  /** A replay was canceled. */
  | 'REPLAY_CANCELED'
  /** A replay was created. */
  | 'REPLAY_CREATED'
  /** A replay was paused or resumed, or its rate was changed. */
  | 'REPLAY_UPDATED'
  /** A tenant was created. */
  | 'TENANT_CREATED'
  /** A tenant was deleted. */
  | 'TENANT_DELETED'
  /** Settings of a tenant were changed. */
  | 'TENANT_UPDATED'
  /** A token was created. */
  | 'TOKEN_CREATED'
  /** A token was revoked. */
  | 'TOKEN_REVOKED'
  /** A webhook was registered. */
  | 'WEBHOOK_CREATED'
  /** A webhook was deleted. */
  | 'WEBHOOK_DELETED'
  /** The server disabled a webhook because its receiver was gone or failed for too long. */
  | 'WEBHOOK_DISABLED'
  /** The server enabled a webhook that it had disabled, because its receiver answered a probe. */
  | 'WEBHOOK_ENABLED'
  /** A webhook got a new signing secret. */
  | 'WEBHOOK_SECRET_ROTATED'
  /** Settings of a webhook were changed. */
  | 'WEBHOOK_UPDATED';

/** The kinds of actors. */
export type AuditActorKind =
  /** A person on the server's machine, through the command line. */
  | 'COMMAND'
  /** An operator token. */
  | 'OPERATOR'
  /** A portal session of a tenant: a customer in the portal. */
  | 'PORTAL'
  /** The server itself, for example when it disabled a webhook. */
  | 'SERVER'
  /** A token of a tenant. */
  | 'TENANT';

/** Conditions for listing the audit log. An entry must meet all fields that are given. */
export type AuditEntryFilter = {
  /** Entries with one of these actions; null or empty means all. */
  actions?: Array<AuditAction> | null | undefined;
  /** Entries of changes in this range. */
  at?: TimeRange | null | undefined;
  /** Entries of one of these objects, at most 100; null or empty means all. */
  objectIds?: Array<string> | null | undefined;
  /** Entries of objects of this tenant, which may have been deleted. With it, an operator does not need `allTenants`. */
  tenantId?: string | null | undefined;
  /** Entries of changes that were made with one of these tokens or portal sessions, at most 100; null or empty means all. */
  tokenIds?: Array<string> | null | undefined;
};

/** The types of objects whose changes are in the audit log. */
export type AuditObjectType =
  /** The database of the installation. */
  | 'DATABASE'
  /** A delivery. */
  | 'DELIVERY'
  /** A declared event type. */
  | 'EVENT_TYPE'
  /** An issue. */
  | 'ISSUE'
  /** The master key of the installation. */
  | 'KEY'
  /** A link to the customer portal, and the session that it opens. */
  | 'PORTAL_SESSION'
  /** A replay. */
  | 'REPLAY'
  /** A tenant. */
  | 'TENANT'
  /** A token. */
  | 'TOKEN'
  /** A webhook. */
  | 'WEBHOOK';

/** The input of `cancelDeliveries`. */
export type CancelDeliveriesInput = {
  /** Conditions that the deliveries must meet. `replayPreview` with kind `CANCEL` shows how many do. */
  filter: ReplayFilter;
  /**
   * A key that makes the call safe to repeat, 1 to 255 bytes: the same key with the same input returns the same replay. Give times as
   * instants: a duration means a different time in each request.
   */
  idempotencyKey?: string | null | undefined;
  /** A note for people, at most 1,000 bytes. */
  note?: string;
};

/** The precision of a count. */
export type CountPrecision =
  /**
   * The list may have more than `count` elements: either it has more than `limit`, or the search stopped after 10 times `limit` elements or a
   * tenth of a second.
   */
  | 'AT_LEAST'
  /** The list has exactly `count` elements. */
  | 'EXACT';

/** The input of `createPortalLink`. */
export type CreatePortalLinkInput = {
  /** How long the link can be opened, in milliseconds, 1,000 to 86,400,000 (24 hours). */
  expiresInMs?: number;
  /** For whom the link is, 1 to 100 characters: a customer's ID or email address. The audit log names what the session does by it. */
  label: string;
  /** The scopes of the session: any but `ADMIN`, of those that the caller's token has. */
  scopes: Array<TokenScope>;
  /**
   * How long the session lasts from when it is opened, and again when it is renewed, in milliseconds, 1,000 to 86,400,000. It ends 24 hours after it was
   * opened at the latest.
   */
  sessionExpiresInMs?: number;
  /** The path of the portal on which it opens, at most 500 bytes, with an optional query, such as `/deliveries?q=status%3Afailed`. */
  startPath?: string;
  /** The tenant; null means the tenant that the request acts for. A tenant can create links only to its own portal. */
  tenantId?: string | null | undefined;
  /** How the portal looks; null means its own look. */
  theme?: PortalThemeInput | null | undefined;
};

/** The input of `createToken`. */
export type CreateTokenInput = {
  /** When the token expires; null means never. */
  expiresAt?: string | null | undefined;
  /** The purpose of the token, at most 100 characters. */
  name: string;
  /** Whether to create an operator token, which only an operator may do; `tenantId` must then be null. */
  operator?: boolean;
  /** The scopes of the token; null means those of the caller's token. */
  scopes?: Array<TokenScope> | null | undefined;
  /** The tenant that the token belongs to; null means the tenant that the request acts for. A tenant can create only its own tokens. */
  tenantId?: string | null | undefined;
};

/** The webhook to create. */
export type CreateWebhookInput = {
  /** How requests are to authenticate at the receiver, besides their signature; null means by the signature only. */
  authentication?: WebhookAuthenticationInput | null | undefined;
  /** A note, at most 1,000 characters. */
  description?: string;
  /** Whether deliveries are attempted; if false, they are held. */
  enabled?: boolean;
  /**
   * The event types to subscribe to, at most 100; null, empty and `["*"]` mean all published types. `humanization.*` matches every
   * type that begins with `humanization.`. Operational events, whose types begin with `hookgraph.`, are sent only to webhooks that
   * name them, at most 100 webhooks of a tenant: `["*", "hookgraph.*"]` means everything. A pattern that no event can match is an
   * error. Duplicates are removed.
   */
  events?: Array<string> | null | undefined;
  /**
   * Your own ID for the webhook, 1 to 255 bytes, unique among the webhooks of the tenant. It makes creating the webhook safe to repeat: an existing
   * webhook with this ID gets these settings.
   */
  externalId?: string | null | undefined;
  /**
   * A condition that an event must match, too, on its type, tags and data, like `{"data": {"amount": {"$gte": 100}}}`, at most 8,192 bytes;
   * null means every event of these types. At most 100 webhooks of a tenant may have one that asks for no exact value, and all
   * filters of a tenant have at most 4 MiB. It applies to events that are published from now on, and to those that a replay of kind `MISSING` finds.
   */
  filter?: unknown;
  /** The custom header fields to send with every attempt, at most 20 and 8 KiB in total. */
  headers?: Array<WebhookHeaderInput> | null | undefined;
  /** Your own data about the webhook: a JSON object, at most 4,096 bytes. */
  metadata?: unknown;
  /**
   * The HTTP statuses after which a delivery fails at once, without further retries: at most 50, each from 300 to 599 except 410, which disables the
   * webhook. Null and empty mean none. Duplicates are removed.
   */
  noRetryStatuses?: Array<number> | null | undefined;
  /** What happens to the deliveries behind a failed one with the same ordering key. `HOLD` requires the ordering `KEY`. */
  onFailure?: WebhookOnFailure;
  /** The order in which the webhook gets events. It applies to events that are published from now on. */
  ordering?: WebhookOrdering;
  /** How requests carry an event; null means the format `STANDARD` with all data. It applies to events that are published from now on. */
  payload?: WebhookPayloadInput | null | undefined;
  /**
   * Whether the webhook is probed while it is disabled for the reason `FAILING`. A probe is an event of type `hookgraph.probe` in one request; a response
   * with a status 2xx enables the webhook. The first is sent an hour after it was disabled, each further one after twice as long, up to 24 hours, 30 in
   * all. The response 410 ends them. Held deliveries are not sent before.
   */
  probe?: boolean;
  /** The maximum number of attempts started per second, 1 to 10,000; null means unlimited. */
  ratePerSecond?: number | null | undefined;
  /**
   * The delay before each retry, in milliseconds: at most 30 delays of at most 604,800,000 (7 days). Null means the server's
   * schedule; empty means no retries.
   */
  retryScheduleMs?: Array<number> | null | undefined;
  /**
   * An existing signing secret to use, which the receiver has already: `whsec_` and the standard base64 of 24 to 64 bytes, which must be random, or at
   * least 32 random characters. Null means a new secret. Only for the scheme `HMAC_SHA256`. It is never shown again, not even in this response. An
   * existing webhook with this `externalId` must have it as its current secret; otherwise the error is `CONFLICT`.
   */
  secret?: string | null | undefined;
  /** Whether requests have the header field `traceparent` (W3C Trace Context), if the event was published with one or the server traces its deliveries. */
  sendTraceparent?: boolean;
  /** The signature scheme for requests. That of an existing webhook with this `externalId` must be the same; otherwise the error is `CONFLICT`. */
  signatureScheme?: SignatureScheme;
  /** The time limit for one attempt, in milliseconds, 1,000 to 30,000; null means the server's limit. */
  timeoutMs?: number | null | undefined;
  /** The URL to send events to: `https`, with a host, without user information or fragment, at most 2,048 bytes. */
  url: string;
};

/**
 * A condition on a member of an event's data. It must have `equals`, `contains` or both; with both, one value must satisfy both. Where the
 * path leads to an array, or through one, one of its elements must satisfy the condition.
 */
export type DataFilter = {
  /** A text that the value, a string, must contain. The comparison is case-sensitive. */
  contains?: string | null | undefined;
  /**
   * A string, a number, true, false or null that the value is equal to. Numbers are compared by value: 1.0 equals 1. Null given with
   * `contains` means any value.
   */
  equals?: unknown;
  /**
   * The path from the root of the data: the names of members, at most 5, separated by dots: `customer.id`. A dot or backslash within a
   * name is escaped with a backslash.
   */
  path: string;
};

/**
 * A request as a receiver got it, whose signature does not verify. `attemptId` alone asks about what an attempt sent. With `headers` and the body as
 * well, what was received is compared with what was sent. With `webhookId` it is verified with the webhook's secrets only.
 */
export type DebugSignatureInput = {
  /** When the request was received. If null, when the attempt started, or now. */
  at?: string | null | undefined;
  /** The delivery attempt that sent the request. It must not be combined with `webhookId`. */
  attemptId?: string | null | undefined;
  /** The received body, as it came, at most 1 MiB unless events may be larger. It must be given with `headers`, or `bodyBase64` instead. */
  body?: string | null | undefined;
  /** The received body in standard base64, if it is not text in UTF-8. */
  bodyBase64?: string | null | undefined;
  /** The signature that the receiver's code computes, at most 1,024 bytes, to find out what the code does. */
  computed?: string | null | undefined;
  /** The received header fields, at most 100 and 32 KiB; those whose names begin with `webhook-` are enough. Required, unless `attemptId` is given. */
  headers?: Array<ReceivedHeaderInput> | null | undefined;
  /** The webhook that the request was sent to, which requires the scope `WEBHOOKS_READ`. */
  webhookId?: string | null | undefined;
};

/**
 * Conditions for listing or streaming attempts. An attempt must meet all fields that are given; it meets a list if it matches one of
 * the elements.
 */
export type DeliveryAttemptFilter = {
  /** Attempts of one of these deliveries, at most 100; null or empty means all. */
  deliveryIds?: Array<string> | null | undefined;
  /** Attempts that failed for one of these reasons; null or empty means all, including successful ones. */
  errors?: Array<AttemptErrorCode> | null | undefined;
  /** Attempts of one of these events, at most 100; null or empty means all. */
  eventIds?: Array<string> | null | undefined;
  /**
   * Attempts whose event has one of these types, at most 100; `humanization.*` matches all types that begin with
   * `humanization.`. Null or empty means all.
   */
  eventTypes?: Array<string> | null | undefined;
  /** Attempts that were answered with an HTTP status in one of these ranges, at most 100; null or empty means all, including unanswered ones. */
  httpStatuses?: Array<IntRange> | null | undefined;
  /**
   * Attempts started in this range. An attempt may be missing if it was recorded more than five minutes after it started, or while a server's
   * clock was set back by more than a minute.
   */
  startedAt?: TimeRange | null | undefined;
  /** Attempts with one of these outcomes; null or empty means all. */
  statuses?: Array<AttemptStatus> | null | undefined;
  /** Attempts with one of these causes; null or empty means all. */
  triggers?: Array<AttemptTrigger> | null | undefined;
  /** Attempts sent to one of these webhooks, at most 100; null or empty means all. */
  webhookIds?: Array<string> | null | undefined;
};

/** What to do with a change in a list of deliveries. */
export type DeliveryChangeKind =
  /** Replace, add or remove `delivery`. */
  | 'CHANGED'
  /** Fetch the list again; the single changes are not sent. Webhooks may have changed, too. */
  | 'RESYNC';

/** The reason why a delivery failed. */
export type DeliveryFailureReason =
  /**
   * The event's `expiresAt` passed; or the delivery was due for longer than the server's limit (30 days by default), because the webhook was
   * disabled or could not keep up.
   */
  | 'EXPIRED'
  /** The receiver answered with one of the webhook's `noRetryStatuses`. */
  | 'NO_RETRY_STATUS'
  /** The last attempt of the webhook's retry schedule failed. A test has one attempt. */
  | 'RETRIES_EXHAUSTED';

/**
 * Conditions for listing deliveries. A delivery must meet all fields that are given; it meets a list if it matches one of the
 * elements.
 */
export type DeliveryFilter = {
  /** Deliveries that were completed in this range. */
  completedAt?: TimeRange | null | undefined;
  /** Deliveries created in this range. A delivery that was stored while a server's clock was set back by more than a minute may be missing. */
  createdAt?: TimeRange | null | undefined;
  /** Deliveries of events whose data meets all of these conditions, at most 100; null or empty means all. */
  data?: Array<DataFilter> | null | undefined;
  /** Deliveries whose last attempt failed for one of these reasons; null or empty means all. */
  errors?: Array<AttemptErrorCode> | null | undefined;
  /** Deliveries of one of these events, at most 100; null or empty means all. */
  eventIds?: Array<string> | null | undefined;
  /**
   * Deliveries whose event has one of these types, at most 100; `humanization.*` matches all types that begin with
   * `humanization.`. Null or empty means all.
   */
  eventTypes?: Array<string> | null | undefined;
  /** Deliveries whose last attempt was answered with an HTTP status in one of these ranges, at most 100; null or empty means all. */
  httpStatuses?: Array<IntRange> | null | undefined;
  /** Deliveries whose next attempt is due in this range. */
  nextAttemptAt?: TimeRange | null | undefined;
  /** Deliveries that were last made due, or canceled, by one of these replays, at most 100; null or empty means all. */
  replayIds?: Array<string> | null | undefined;
  /** Deliveries in one of these states; null or empty means all. */
  statuses?: Array<DeliveryStatus> | null | undefined;
  /** Deliveries of events with one of these tags, at most 100; null or empty means all. If at most 20 events have one, an index leads to their deliveries. */
  tags?: Array<string> | null | undefined;
  /** Deliveries to one of these webhooks, at most 100; null or empty means all. */
  webhookIds?: Array<string> | null | undefined;
};

/** The state of a delivery. */
export type DeliveryStatus =
  /** The delivery was canceled, or its webhook was deleted. */
  | 'CANCELED'
  /** No further attempt is made; `failureReason` gives the reason. */
  | 'FAILED'
  /** The webhook is disabled. No attempt is made and nothing is lost; enabling the webhook releases the delivery. */
  | 'HELD'
  /** The first attempt or a retry is due or running, or waits for a delivery with the same ordering key (`blockedBy`). */
  | 'PENDING'
  /** The receiver accepted the event with a 2xx status. */
  | 'SUCCEEDED';

/** Conditions for listing events. An event must meet all fields that are given. */
export type EventFilter = {
  /** Events published in this range. An event that was stored while a server's clock was set back by more than a minute may be missing. */
  createdAt?: TimeRange | null | undefined;
  /** Events whose data meets all of these conditions, at most 100; null or empty means all. */
  data?: Array<DataFilter> | null | undefined;
  /** The event that was published with this idempotency key. */
  idempotencyKey?: string | null | undefined;
  /** Events with one of these tags, at most 100; null or empty means all. An index leads to events with one of up to 20 tags. */
  tags?: Array<string> | null | undefined;
  /**
   * Events of one of these types, at most 100; `humanization.*` matches all types that begin with
   * `humanization.`. Null or empty means all.
   */
  types?: Array<string> | null | undefined;
};

/** What an import does to an event type. */
export type EventTypeChangeKind =
  /** It is declared. */
  | 'ADDED'
  /** Its declaration changes. */
  | 'CHANGED'
  /** The document does not describe it, and it stays declared. */
  | 'MISSING'
  /** Its declaration is deleted, because the document does not describe it. */
  | 'REMOVED';

/** Conditions for listing event types. A type must meet all fields that are given. */
export type EventTypeFilter = {
  /** Types whose name contains this text. It must not be empty: null means all. ASCII letters match regardless of case. */
  name?: string | null | undefined;
};

/** The input of `importEventTypes`. */
export type ImportEventTypesInput = {
  /** Whether declared event types that are not in the document are deleted. Otherwise they stay as they are. */
  deleteMissing?: boolean;
  /** Whether nothing is changed: the payload tells what would be. */
  dryRun?: boolean;
  /**
   * The document: OpenAPI 3.1 or 3.2 as JSON. Its `webhooks` are named by event type, and have the operation `post`: `description` or `summary`,
   * `deprecated`, and a body of type `application/json` with `schema` and `example`. A schema of an object with `type`, `timestamp` and `data` describes
   * a delivery: only that of `data` is taken. `$ref` may lead only to a place in the document. `x-hookgraph-validation` of the operation sets the
   * validation, which otherwise stays as it is. At most 500 webhooks, 100 levels and 100,000 values, whose schemas have at most 2 MiB together.
   */
  openApi: unknown;
};

/** A range of integers that includes both bounds: `{ from: 500, to: 599 }`. */
export type IntRange = {
  /** The lowest number; null means no lower bound. */
  from?: number | null | undefined;
  /** The highest number; null means no upper bound. */
  to?: number | null | undefined;
};

/** Conditions for listing issues. An issue must meet all fields that are given. */
export type IssueFilter = {
  /** Issues with one of these errors; null or empty means all. */
  errors?: Array<AttemptErrorCode> | null | undefined;
  /** Issues of one of these kinds; null or empty means all. */
  kinds?: Array<IssueKind> | null | undefined;
  /** Issues with one of these statuses; null or empty means all. */
  statuses?: Array<IssueStatus> | null | undefined;
  /** Issues of one of these webhooks, at most 100; null or empty means all. */
  webhookIds?: Array<string> | null | undefined;
};

/** The kinds of issues. */
export type IssueKind =
  /**
   * The webhook is enabled, and a delivery has been due for 15 minutes without an attempt: its receiver takes fewer requests than there are events. It is
   * resolved when none has been due for 5 minutes, or when the webhook is disabled.
   */
  | 'BACKLOG'
  /**
   * The webhook's client certificate expires within 30 days, or has expired. The issue opens again 7 days and one day before, and when the certificate
   * has expired. It is resolved when another certificate is set, or none.
   */
  | 'CERTIFICATE_EXPIRES'
  /**
   * Deliveries failed and will not be retried; `replayDeliveries` sends them again. It is resolved when none has failed for 24 hours, or when the webhook
   * has no failed delivery any more. Deliveries that expire without an attempt are not counted.
   */
  | 'DELIVERIES_EXHAUSTED'
  /**
   * Most of the quota of stored events is used, 80 %, and again all of it; or calls were refused because they published too fast. It is resolved when less than
   * 70 % is used, or when no call has been refused for 15 minutes.
   */
  | 'QUOTA'
  /**
   * Published events do not match the schema of their type, and are stored or refused, as the type's `validation` says. It is resolved when none has for
   * 24 hours, or when the schema is changed.
   */
  | 'SCHEMA_MISMATCH'
  /** The server disabled the webhook because its receiver was gone or failed for too long. It is resolved when the webhook is enabled. */
  | 'WEBHOOK_DISABLED'
  /**
   * Attempts fail with this error, and none succeeds: the first attempts of 5 deliveries failed within 10 minutes, or attempts have failed for an
   * hour. It is resolved when an attempt to the webhook succeeds, or when the webhook is disabled.
   */
  | 'WEBHOOK_FAILING';

/** The quotas that issues are of. */
export type IssueQuota =
  /** The number of events that may be published in a second: `TenantQuotas.eventsPerSecond`. */
  | 'EVENTS_PER_SECOND'
  /** The number of stored events: `TenantQuotas.storedEvents`. */
  | 'STORED_EVENTS';

/** The state of an issue. */
export type IssueStatus =
  /** The issue is open, and somebody has acknowledged it. */
  | 'ACKNOWLEDGED'
  /** The issue is open, and nobody has acknowledged it. */
  | 'OPEN'
  /** The issue is resolved. */
  | 'RESOLVED';

/** How a client authenticates at its token server. */
export type OAuth2ClientAuthentication =
  /** By the header `Authorization`, Basic. */
  | 'CLIENT_SECRET_BASIC'
  /** By `client_id` and `client_secret` in the body. */
  | 'CLIENT_SECRET_POST';

/** A form in which requests carry an event. The headers of Standard Webhooks, with the signature of the body, are sent with each. */
export type PayloadFormat =
  /** A CloudEvent 1.0 in structured content mode. The content type is `application/cloudevents+json`. */
  | 'CLOUDEVENTS'
  /** A CloudEvent 1.0 in binary content mode: its attributes are in `ce-` headers, and the body is the event's `data`, as `application/json`. */
  | 'CLOUDEVENTS_BINARY'
  /** A JSON object with the event's `type`, `timestamp` and `data`, as Standard Webhooks recommends. The content type is `application/json`. */
  | 'STANDARD'
  /** JSON that a template makes of the event. The content type is `application/json`. */
  | 'TEMPLATE';

/** Whether the portal is light or dark. */
export type PortalAppearance =
  /** As the customer's browser prefers. */
  | 'AUTO'
  /** Light text on a dark background. */
  | 'DARK'
  /** Dark text on a light background. */
  | 'LIGHT';

/** Conditions for listing portal sessions. A portal session must meet all fields that are given. */
export type PortalSessionFilter = {
  /** Portal sessions with one of these statuses; null or empty means all. */
  statuses?: Array<PortalSessionStatus> | null | undefined;
  /** Portal sessions of this tenant. With it, an operator does not need `allTenants`. */
  tenantId?: string | null | undefined;
};

/** What a portal link or session can be used for. */
export type PortalSessionStatus =
  /** The link was opened, and the session can be used. */
  | 'ACTIVE'
  /** The time of the link or session has ended. */
  | 'EXPIRED'
  /** The link was not opened yet, and can be. */
  | 'PENDING'
  /** The link or session was revoked, or its tenant deleted. */
  | 'REVOKED';

/** How the portal looks. The page keeps the contrast of text, whatever the colors are. */
export type PortalThemeInput = {
  /** The color of buttons and links, such as `#0a7d5c`; empty means the portal's own. */
  accentColor?: string;
  /** Whether the portal is light or dark. */
  appearance?: PortalAppearance;
  /**
   * The logo of the platform: a data URL of a PNG, JPEG or WebP image in base64, such as `data:image/png;base64,…`, of at most 32,768 bytes. Empty
   * means none.
   */
  logo?: string;
  /** The name of the platform, at most 60 characters; empty means none. */
  name?: string;
};

/** What to try: the settings of a webhook, or of a new one, and an event. Nothing is stored, and nothing is sent. */
export type PreviewDeliveryInput = {
  /** An event to try that is not stored. */
  event?: PreviewEventInput | null | undefined;
  /** A stored event to try; it must not be combined with `event`. */
  eventId?: string | null | undefined;
  /**
   * The event types to try instead of the webhook's, as `createWebhook` takes them: at most 100; null and empty mean all published types. If
   * absent, the webhook's.
   */
  events?: Array<string> | null | undefined;
  /** The filter to try instead of the webhook's, at most 8,192 bytes; null means none. If absent, the webhook's. */
  filter?: unknown;
  /** What requests carry, to try instead of the webhook's; null means the default. If absent, the webhook's. */
  payload?: WebhookPayloadInput | null | undefined;
  /** The webhook whose settings are tried, which requires the scope `WEBHOOKS_READ`; null means those that a new webhook has. */
  webhookId?: string | null | undefined;
};

/** An event to try. */
export type PreviewEventInput = {
  /** The data: any JSON value, at most 256 KiB by default. It is required; null is a valid value. */
  data?: unknown;
  /** The tags, at most 10 of 1 to 64 characters. */
  tags?: Array<string> | null | undefined;
  /** The event type: words of letters, digits and underscores, joined by dots, at most 128 bytes. */
  type: string;
};

/** An event to publish. */
export type PublishEventInput = {
  /** The data: any JSON value, at most 256 KiB by default. It is required; null is a valid value. */
  data?: unknown;
  /**
   * The time before which the event is not delivered, at most 30 days ahead; null or a time in the past means at once. It also holds up later
   * events with the same `orderingKey`. Retries by hand and replays do not wait for it.
   */
  deliverAt?: string | null | undefined;
  /**
   * The time from which the event is no longer delivered, after `deliverAt`; null means no end. A delivery that has not succeeded by then
   * becomes `FAILED` with the reason `EXPIRED`, also while its webhook is disabled. Retries by hand and replays make one attempt all the same.
   */
  expiresAt?: string | null | undefined;
  /**
   * A key that makes publishing safe to repeat, 1 to 255 bytes. The same key with the same content returns the same event; with
   * other content the error is `CONFLICT`. The content is everything but the key; the order of `tags` does not matter.
   */
  idempotencyKey?: string | null | undefined;
  /**
   * What the event is about, such as the ID of an order, 1 to 255 bytes: a webhook whose `ordering` is `KEY` gets events with the same
   * key one after the other, in the order in which they were published. Null means none. Receivers do not get the key.
   */
  orderingKey?: string | null | undefined;
  /** Words to find the event by, at most 10 of 1 to 64 characters. Receivers do not get them. Duplicates count once. */
  tags?: Array<string> | null | undefined;
  /** When it happened; the default is the current time. */
  timestamp?: string | null | undefined;
  /**
   * The event type: words of letters, digits and underscores, joined by dots, at most 128 bytes. Types that begin with `hookgraph.`
   * are reserved for the server.
   */
  type: string;
};

/** The input of `putEventType`. What is left out stays as it is, or has its default if the type is new. */
export type PutEventTypeInput = {
  /** Whether the type is deprecated. The default is false. */
  deprecated?: boolean | null | undefined;
  /** A description, at most 4,096 bytes. */
  description?: string | null | undefined;
  /** An example of the data, at most 64 KiB, which must match the schema; null removes it. */
  example?: unknown;
  /** The name: words of letters, digits and underscores, joined by dots, at most 128 bytes. It must not begin with `hookgraph.`. */
  name: string;
  /**
   * A JSON Schema of draft 4 to 2020-12, which is the default, at most 64 KiB, 4,000 values and 40 levels; null removes it. `$ref` may only refer
   * to the schema itself. Patterns are RE2's, without lookaround.
   */
  schema?: unknown;
  /** What happens to events that break the schema. The default is `WARN` with a schema, and `OFF` without. */
  validation?: SchemaValidation | null | undefined;
};

/** A header field that was received. */
export type ReceivedHeaderInput = {
  /** The name, in any case; also as CGI writes it: `HTTP_WEBHOOK_ID`. */
  name: string;
  /** The value. */
  value: string;
};

/**
 * Conditions for the deliveries that a replay sends. A delivery must meet all fields that are given; it meets a list if it matches one of
 * the elements. Without any field, all deliveries of the kind are sent.
 */
export type ReplayFilter = {
  /** Deliveries that were completed in this range. A duration is fixed when the request starts. */
  completedAt?: TimeRange | null | undefined;
  /** Deliveries created in this range; with kind `MISSING`, events published in it. A duration is fixed when the request starts. */
  createdAt?: TimeRange | null | undefined;
  /** Deliveries of events whose data meets all of these conditions, at most 100; null or empty means all. */
  data?: Array<DataFilter> | null | undefined;
  /** These deliveries, at most 100; null or empty means all. */
  deliveryIds?: Array<string> | null | undefined;
  /** Deliveries whose last attempt failed for one of these reasons; null or empty means all. */
  errors?: Array<AttemptErrorCode> | null | undefined;
  /** Deliveries of one of these events, at most 100; null or empty means all. */
  eventIds?: Array<string> | null | undefined;
  /**
   * Deliveries whose event has one of these types, at most 100; `humanization.*` matches all types that begin with
   * `humanization.`. Null or empty means all.
   */
  eventTypes?: Array<string> | null | undefined;
  /** Deliveries whose last attempt was answered with an HTTP status in one of these ranges, at most 100; null or empty means all. */
  httpStatuses?: Array<IntRange> | null | undefined;
  /** Deliveries that were last made due, or canceled, by one of these replays, at most 100; null or empty means all. */
  replayIds?: Array<string> | null | undefined;
  /** Deliveries with one of these statuses, which the replay's kind must include; null or empty means all. */
  statuses?: Array<DeliveryStatus> | null | undefined;
  /** Deliveries of events with one of these tags, at most 100; null or empty means all. */
  tags?: Array<string> | null | undefined;
  /** Deliveries to one of these webhooks, at most 100; null or empty means all. */
  webhookIds?: Array<string> | null | undefined;
};

/** The input of `replayPreview` and `replayDeliveries`. */
export type ReplayInput = {
  /** Conditions that the deliveries must meet. */
  filter: ReplayFilter;
  /**
   * A key that makes the call safe to repeat, 1 to 255 bytes: the same key with the same input returns the same replay. Give times as
   * instants: a duration means a different time in each request.
   */
  idempotencyKey?: string | null | undefined;
  /** Which deliveries are sent. */
  kind?: ReplayKind;
  /** A note for people, at most 1,000 bytes. */
  note?: string;
  /** The maximum number of deliveries made due per second, 1 to 100,000; null means as fast as they can be sent. */
  ratePerSecond?: number | null | undefined;
};

/** Which deliveries a replay sends. */
export type ReplayKind =
  /** Completed deliveries: those that failed, succeeded or were canceled. `filter.statuses` selects among them. */
  | 'ALL'
  /** Pending and held deliveries, which are canceled rather than sent. `cancelDeliveries` creates such a replay. */
  | 'CANCEL'
  /** Deliveries that have failed. */
  | 'FAILED'
  /**
   * Deliveries that do not exist yet: of events that the webhook in `filter.webhookIds`, of which there must be one, never received because it was
   * created, or subscribed to their type, after they were published. The replay creates them, oldest event first, and waits while the webhook is
   * disabled. The filter may otherwise have only conditions on events, and `createdAt`, which is then the time of publishing.
   */
  | 'MISSING';

/** The state of a replay. */
export type ReplayStatus =
  /** The replay was canceled. Deliveries that it had sent are retried if they fail. */
  | 'CANCELED'
  /** The replay is being canceled: deliveries that it has not sent return to their previous state. */
  | 'CANCELING'
  /** All deliveries were sent or skipped. Retries may continue. */
  | 'COMPLETED'
  /** The replay cannot continue; `failureReason` gives the reason. */
  | 'FAILED'
  /** The replay is paused. Deliveries that it has not sent are in their previous state, and are sent when it is resumed. */
  | 'PAUSED'
  /** The replay has not begun. */
  | 'QUEUED'
  /** The replay is sending deliveries. */
  | 'RUNNING';

/** The input of `rotateWebhookSecret`. */
export type RotateWebhookSecretInput = {
  /** The ID of the webhook. */
  id: string;
  /** How long the old secret also signs, in milliseconds, 0 to 604,800,000 (7 days). The default is 24 hours. */
  overlapMs?: number;
  /**
   * The new secret, if you have one: `whsec_` and the standard base64 of 24 to 64 bytes, which must be random, or at least 32 random characters. Null
   * means that one is made. Only for the scheme `HMAC_SHA256`. It is never shown again, not even in this response. The error is `CONFLICT` if the
   * webhook signs with it already.
   */
  secret?: string | null | undefined;
  /** The signature scheme of the new secret; null means that of the current secret, and `HMAC_SHA256` if `secret` is given. */
  signatureScheme?: SignatureScheme | null | undefined;
};

/** What happens to a published event whose data breaks the schema of its type. */
export type SchemaValidation =
  /** Data is not checked. */
  | 'OFF'
  /** The event is refused with a `userError`. */
  | 'REJECT'
  /** The event is stored and delivered, and `EventType.lastViolation` tells what is wrong. */
  | 'WARN';

/** The outcome of a check. */
export type ServerCheckStatus =
  /** The server does not work, or loses something. */
  | 'FAILED'
  /** Nothing is wrong. */
  | 'OK'
  /** It does not apply, or cannot be made after what another check found. */
  | 'SKIPPED'
  /** The server works, and somebody should look at it. */
  | 'WARNING';

/** Whether a node is running. */
export type ServerNodeState =
  /** It has not renewed its lease: it crashed, froze, or lost its connection. Other nodes have taken over its deliveries. */
  | 'EXPIRED'
  /** It holds its lease. */
  | 'RUNNING'
  /** It was stopped in order, and has given back its deliveries. */
  | 'STOPPED';

/** A reason why a request does not verify. */
export type SignatureCauseCode =
  /** The body is base64 of what was sent. */
  | 'BODY_BASE64'
  /** A byte order mark was put before the body. */
  | 'BODY_BYTE_ORDER_MARK'
  /** The body is another one. */
  | 'BODY_CHANGED'
  /** The body was decoded or encoded with another character set than UTF-8. */
  | 'BODY_CHARSET'
  /** The body is compressed. */
  | 'BODY_COMPRESSED'
  /** The body is empty. */
  | 'BODY_EMPTY'
  /** The line ends of the body were changed. */
  | 'BODY_LINE_ENDS'
  /** The body is a JSON string that contains what was sent. */
  | 'BODY_QUOTED'
  /** The body was parsed and printed again. */
  | 'BODY_REPRINTED'
  /** The body ends too early. */
  | 'BODY_TRUNCATED'
  /** White space was added to the end of the body, or removed. */
  | 'BODY_WHITESPACE'
  /** The timestamp is more than five minutes from the receiver's clock. */
  | 'CLOCK'
  /** The receiver's code computes the right signature, and compares it in a wrong way. */
  | 'COMPARISON'
  /** The receiver's code computes another signature. */
  | 'COMPUTATION'
  /** A header field is not what was sent. */
  | 'HEADER_CHANGED'
  /** A header field is missing. */
  | 'MISSING_HEADER'
  /** A header field was received more than once. */
  | 'REPEATED_HEADER'
  /** There is no signature of the scheme of the webhook's secrets. */
  | 'SCHEME'
  /** The signature is that of another secret, or of another body. */
  | 'SECRET'
  /** The signature header has something that is no signature. */
  | 'SIGNATURE'
  /** The timestamp is not a number of seconds. */
  | 'TIMESTAMP';

/** A signature scheme of Standard Webhooks 1.0.0. */
export type SignatureScheme =
  /** Ed25519 with a key pair, `v1a`. */
  | 'ED25519'
  /** HMAC-SHA256 with a shared secret, `v1`. */
  | 'HMAC_SHA256';

/** Conditions for what statistics count. What is counted must meet all fields that are given. */
export type StatsFilter = {
  /** Whether to count all tenants together. Requires an operator token. */
  allTenants?: boolean;
  /**
   * Only events of these types, at most 100; null or empty means all. Beyond the first 500 event types of a tenant, events are counted only in the
   * totals.
   */
  eventTypes?: Array<string> | null | undefined;
  /**
   * Only these tenants, at most 100; null or empty means the current tenant, or all with `allTenants`. With them, an operator does not need
   * `allTenants`. A tenant's token counts only its own tenant.
   */
  tenantIds?: Array<string> | null | undefined;
  /** Only deliveries to these webhooks, at most 100; events are then not counted. Null or empty means all. */
  webhookIds?: Array<string> | null | undefined;
};

/** Conditions for listing tenants. A tenant must meet all fields that are given. */
export type TenantFilter = {
  /** Tenants whose name contains this text. It must not be empty: null means all. ASCII letters match regardless of case. */
  name?: string | null | undefined;
};

/** The input of `testWebhook`. */
export type TestWebhookInput = {
  /**
   * The declared event type whose example is sent, as an event of that type; null sends an event of type `hookgraph.test`. The webhook gets it even if
   * it does not subscribe to the type, or its filter does not match.
   */
  eventType?: string | null | undefined;
  /** The ID of the webhook. */
  id: string;
};

/** A half-open time range: `from <= t < to`. */
export type TimeRange = {
  /** The start of the range, inclusive; null means no lower bound. */
  from?: string | null | undefined;
  /** The end of the range, exclusive; null means no upper bound. */
  to?: string | null | undefined;
};

/** Conditions for listing tokens. A token must meet all fields that are given. */
export type TokenFilter = {
  /** True for operator tokens, which belong to no tenant and are listed only with `allTenants`; false for tokens of tenants. */
  operator?: boolean | null | undefined;
  /** Tokens of this tenant. With it, an operator does not need `allTenants`. */
  tenantId?: string | null | undefined;
  /** True for valid tokens, false for revoked or expired ones. */
  valid?: boolean | null | undefined;
};

/** A permission of a token. No scope includes another. On the command line they are spelled `webhooks:read` and so on. */
export type TokenScope =
  /** Create, list and revoke tokens; with an operator token, manage tenants. */
  | 'ADMIN'
  /** Read events, deliveries and attempts, and watch the stream of attempts. */
  | 'DELIVERIES_READ'
  /** Retry and cancel deliveries. */
  | 'DELIVERIES_WRITE'
  /** Publish events. */
  | 'EVENTS_PUBLISH'
  /** Read webhooks, without their signing secrets. */
  | 'WEBHOOKS_READ'
  /** Create, update, test and delete webhooks. A new signing secret is shown once. */
  | 'WEBHOOKS_WRITE';

/** The input of `updateReplay`. Fields that are omitted stay unchanged. */
export type UpdateReplayInput = {
  /** The ID of the replay. */
  id: string;
  /** Whether the replay is paused; null leaves it unchanged. */
  paused?: boolean | null | undefined;
  /** The maximum number of deliveries made due per second, 1 to 100,000; null means as fast as they can be sent. */
  ratePerSecond?: number | null | undefined;
};

/** The input of `updateWebhook`. An absent field stays unchanged. */
export type UpdateWebhookInput = {
  /** How requests are to authenticate at the receiver, besides their signature; null removes all of it. */
  authentication?: WebhookAuthenticationInput | null | undefined;
  /** A note, at most 1,000 characters; null removes it. */
  description?: string | null | undefined;
  /** False holds the webhook's deliveries, true releases them. */
  enabled?: boolean | null | undefined;
  /**
   * The event types to subscribe to, at most 100; null, empty and `["*"]` mean all published types. `humanization.*` matches every
   * type that begins with `humanization.`. Operational events, whose types begin with `hookgraph.`, are sent only to webhooks that
   * name them, at most 100 webhooks of a tenant: `["*", "hookgraph.*"]` means everything. A pattern that no event can match is an
   * error. Duplicates are removed.
   */
  events?: Array<string> | null | undefined;
  /** Your own ID for the webhook, 1 to 255 bytes, unique among the webhooks of the tenant; null removes it. */
  externalId?: string | null | undefined;
  /**
   * A condition that an event must match, too, on its type, tags and data, like `{"data": {"amount": {"$gte": 100}}}`, at most 8,192 bytes;
   * null removes it. At most 100 webhooks of a tenant may have one that asks for no exact value, and all filters of a tenant have at most 4 MiB. It
   * applies to events that are published afterwards, and to those that a replay of kind `MISSING` finds.
   */
  filter?: unknown;
  /**
   * The custom header fields to send with every attempt, at most 20 and 8 KiB in total. They replace the existing ones; null or
   * empty removes all.
   */
  headers?: Array<WebhookHeaderInput> | null | undefined;
  /** The ID of the webhook. */
  id: string;
  /**
   * Updates the webhook only if this is still its `updatedAt`. Otherwise nothing changes: the error is `CONFLICT`, and the payload has the
   * current webhook.
   */
  ifUpdatedAt?: string | null | undefined;
  /** Your own data about the webhook: a JSON object, at most 4,096 bytes. It replaces the existing data; null removes it. */
  metadata?: unknown;
  /**
   * The HTTP statuses after which a delivery fails at once, without further retries: at most 50, each from 300 to 599 except 410, which disables the
   * webhook. Null and empty mean none. Duplicates are removed.
   */
  noRetryStatuses?: Array<number> | null | undefined;
  /** What happens to the deliveries behind a failed one with the same ordering key; null means `CONTINUE`. `HOLD` requires the ordering `KEY`. */
  onFailure?: WebhookOnFailure | null | undefined;
  /** The order in which the webhook gets events; null means `NONE`. It applies to events that are published afterwards. */
  ordering?: WebhookOrdering | null | undefined;
  /**
   * How requests carry an event; null means the format `STANDARD` with all data. It replaces the existing settings, and applies to events that are
   * published afterwards, and to deliveries that are retried by hand or replayed afterwards. At most 200 versions of it are kept for a webhook,
   * because deliveries and attempts name them.
   */
  payload?: WebhookPayloadInput | null | undefined;
  /**
   * Whether the webhook is probed while it is disabled for the reason `FAILING`; null means false. If it is disabled already, the first probe is sent in
   * an hour. See `createWebhook`.
   */
  probe?: boolean | null | undefined;
  /** The maximum number of attempts started per second, 1 to 10,000; null means unlimited. */
  ratePerSecond?: number | null | undefined;
  /**
   * The delay before each retry, in milliseconds: at most 30 delays of at most 604,800,000 (7 days). Null means the server's
   * schedule; empty means no retries.
   */
  retryScheduleMs?: Array<number> | null | undefined;
  /** Whether requests have the header field `traceparent`; null means false. See `createWebhook`. */
  sendTraceparent?: boolean | null | undefined;
  /** The time limit for one attempt, in milliseconds, 1,000 to 30,000; null means the server's limit. */
  timeoutMs?: number | null | undefined;
  /** The URL to send events to: `https`, with a host, without user information or fragment, at most 2,048 bytes. */
  url?: string | null | undefined;
};

/** The kinds of validation errors. */
export type UserErrorCode =
  /** The input conflicts with what is stored. */
  | 'CONFLICT'
  /** The value does not have the required form. */
  | 'INVALID'
  /** The value is well formed but not allowed, such as a private address, a reserved name, or a scope that the caller does not have. */
  | 'NOT_ALLOWED'
  /** The object does not exist, or belongs to another tenant. */
  | 'NOT_FOUND'
  /** The event is valid, but the server could not store it at the moment. Publish it again, with the same idempotency key. */
  | 'NOT_STORED'
  /** The number or time is outside its allowed range. */
  | 'OUT_OF_RANGE'
  /** The tenant has reached its quota. */
  | 'QUOTA'
  /** A required value is absent, null or empty. */
  | 'REQUIRED'
  /** The value has more characters or bytes than allowed. */
  | 'TOO_LONG'
  /** The list has more elements than allowed. */
  | 'TOO_MANY';

/**
 * How requests are to authenticate at the receiver: one of `basic` and `oauth2`, `certificate`, or both. Setting `basic` removes `oauth2`, and the other
 * way round. A webhook with one of these must not have a custom header `Authorization`.
 */
export type WebhookAuthenticationInput = {
  /** HTTP Basic authentication. If absent it stays unchanged; null removes it. */
  basic?: WebhookBasicAuthenticationInput | null | undefined;
  /** A client certificate for mutual TLS. If absent it stays unchanged; null removes it. */
  certificate?: WebhookClientCertificateInput | null | undefined;
  /** OAuth 2.0 client credentials. If absent they stay unchanged; null removes them. */
  oauth2?: WebhookOAuth2AuthenticationInput | null | undefined;
};

/** A kind of authentication at a receiver. */
export type WebhookAuthenticationKind =
  /** A user name and a password in the header `Authorization` (RFC 7617). */
  | 'BASIC'
  /** A client certificate in the TLS handshake. */
  | 'MUTUAL_TLS'
  /** An access token in the header `Authorization`, fetched by the client credentials grant (RFC 6749, section 4.4). */
  | 'OAUTH2';

/** The Basic authentication to set. */
export type WebhookBasicAuthenticationInput = {
  /** The password, at most 2,048 bytes. If absent or null, the current one stays, which requires that the user name stays the same. It is never shown. */
  password?: string | null | undefined;
  /** The user name, at most 255 bytes, without a colon. */
  username: string;
};

/** The client certificate to set. */
export type WebhookClientCertificateInput = {
  /**
   * The certificate and the certificates of its issuers, in this order, in PEM: at most 5 and 16,384 bytes. The first must be valid now, for client
   * authentication, and have a key of 2,048 to 4,096 bits (RSA), on P-256, P-384 or P-521 (ECDSA), or Ed25519.
   */
  chain: string;
  /** The private key of the first certificate in PEM, not encrypted, at most 4,096 bytes. It is never shown. */
  privateKey: string;
};

/** The reason why a webhook is disabled. */
export type WebhookDisabledReason =
  /** Attempts failed for five days without one success. */
  | 'FAILING'
  /** The receiver answered 410 Gone. */
  | 'GONE'
  /** A caller set `enabled` to false. */
  | 'MANUAL';

/** Conditions for listing webhooks. A webhook must meet all fields that are given. */
export type WebhookFilter = {
  /** Webhooks that are disabled for this reason. */
  disabledReason?: WebhookDisabledReason | null | undefined;
  /** True for enabled webhooks, false for disabled ones. */
  enabled?: boolean | null | undefined;
  /** Webhooks that receive events of this type: by its name, by a wildcard that matches it, or because they subscribe to all types. */
  eventType?: string | null | undefined;
  /** The webhook with this external ID. */
  externalId?: string | null | undefined;
  /** True for webhooks that have failed attempts since the last success, false for those that have none, as `failingSince` says. */
  failing?: boolean | null | undefined;
  /** Webhooks whose URL, description or external ID contains this text. It must not be empty: null means all. ASCII letters match regardless of case. */
  text?: string | null | undefined;
  /** Webhooks whose URL contains this text. It must not be empty: null means all. ASCII letters match regardless of case. */
  url?: string | null | undefined;
};

/**
 * A custom header field to send with every attempt. Headers of the connection, headers that Hookgraph sets, and those that begin with
 * `webhook-` or `proxy-` are rejected.
 */
export type WebhookHeaderInput = {
  /** The name of the field, at most 128 bytes. Each name may be given once. */
  name: string;
  /**
   * Whether the value is never shown again. `Authorization` and `Cookie` are always sensitive, and a value that is kept stays
   * sensitive.
   */
  sensitive?: boolean;
  /**
   * The value of the field: visible ASCII, at most 4,096 bytes. If absent or null, the webhook's header of this name keeps its
   * value.
   */
  value?: string | null | undefined;
};

/** Whether a webhook got an event, or why not. */
export type WebhookMatchOutcome =
  /** It was created after the event was published, and no replay has sent it the event. */
  | 'CREATED_LATER'
  /** It got the event: there is a delivery, whatever its status, or it is still to be made. */
  | 'DELIVERED'
  /** Its filter does not match the event. */
  | 'FILTERED'
  /** There is a delivery, which is held, because the webhook is disabled. */
  | 'HELD'
  /** It does not subscribe to the event's type. */
  | 'NOT_SUBSCRIBED';

/** The OAuth 2.0 client credentials to set. They replace the existing ones. */
export type WebhookOAuth2AuthenticationInput = {
  /** The audience to request, at most 1,024 bytes; null means none. */
  audience?: string | null | undefined;
  /** How the client authenticates at the token server. */
  clientAuthentication?: OAuth2ClientAuthentication;
  /** The client's identifier, at most 512 bytes. */
  clientId: string;
  /**
   * The client secret, at most 2,048 bytes. If absent or null, the current one stays, which requires that the token URL and the client ID stay the
   * same. It is never shown.
   */
  clientSecret?: string | null | undefined;
  /** Further parameters of token requests, like `resource`, at most 20. */
  parameters?: Array<WebhookOAuth2ParameterInput> | null | undefined;
  /** The scopes to request, at most 50 of at most 256 bytes; null and empty mean none. */
  scopes?: Array<string> | null | undefined;
  /**
   * The URL to fetch access tokens from, by the same rules as a webhook's: `https`, with a host, without user information or fragment, at most 2,048
   * bytes.
   */
  tokenUrl: string;
};

/** A further parameter of token requests. */
export type WebhookOAuth2ParameterInput = {
  /**
   * The name of the parameter, at most 128 bytes of visible ASCII. Each name may be given once; `grant_type`, `client_id`, `client_secret`, `scope` and
   * `audience` are rejected.
   */
  name: string;
  /**
   * The value of the parameter, at most 1,024 bytes. If absent or null, the current value stays, which requires that the token URL stays the same. It is
   * never shown.
   */
  value?: string | null | undefined;
};

/** What happens to the deliveries behind a failed one with the same ordering key. */
export type WebhookOnFailure =
  /** The next one is attempted. */
  | 'CONTINUE'
  /** They wait until the failed one is retried, canceled, or removed by retention. */
  | 'HOLD';

/** The order in which a webhook gets events. */
export type WebhookOrdering =
  /**
   * Events with the same `orderingKey` one after the other, in the order in which they were published: each is sent when the one before has
   * succeeded, failed or been canceled. Other events do not wait for them.
   */
  | 'KEY'
  /** In no order, as fast as the webhook takes them. */
  | 'NONE';

/** How requests are to carry an event. */
export type WebhookPayloadInput = {
  /** The format. */
  format?: PayloadFormat;
  /**
   * The parts of the event's `data` to send, as paths like `customer.id`, at most 50 of at most 512 bytes; of arrays, the parts of each element.
   * Null and empty mean all of it. It applies to every format, and to what a template finds.
   */
  includeFields?: Array<string> | null | undefined;
  /**
   * The template, required by the format `TEMPLATE` and only allowed for it: JSON whose strings may have placeholders like
   * `{{ data.name | default 'nobody' }}`, at most 16,384 bytes, 20 levels and 200 placeholders. The body that it makes is at most 1 MiB, or 64 KiB
   * longer than the event's `data` if that is more: otherwise the attempt fails with the error `PAYLOAD`.
   */
  template?: unknown;
};

export type WatchCountsSubscriptionVariables = Exact<{
  range: TimeRange;
  filter?: StatsFilter | null | undefined;
}>;


export type WatchCountsSubscription = { stats: { totals: { events: number, attempts: number, created: number, ended: number } } };

export type WatchChangesSubscriptionVariables = Exact<{
  filter?: DeliveryFilter | null | undefined;
}>;


export type WatchChangesSubscription = { deliveries: { kind: DeliveryChangeKind } };

export type DeliveriesQueryVariables = Exact<{
  filter?: DeliveryFilter | null | undefined;
  after?: string | null | undefined;
  first: number;
}>;


export type DeliveriesQuery = { deliveries: { nodes: Array<{ id: string, status: DeliveryStatus, attemptCount: number, createdAt: string, completedAt: string | null, nextAttemptAt: string | null, webhookId: string, webhookUrl: string, lastAttempt: { id: string, number: number, status: AttemptStatus, error: AttemptErrorCode | null, message: string | null, startedAt: string, durationMs: number, response: { status: number } | null } | null, event: { id: string, type: string, tags: Array<string> } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null, searchedTo: string | null } } | null };

export type CountDeliveriesQueryVariables = Exact<{
  filter?: DeliveryFilter | null | undefined;
}>;


export type CountDeliveriesQuery = { deliveries: { count: { count: number, precision: CountPrecision } } | null };

export type WatchDeliveriesSubscriptionVariables = Exact<{
  filter?: DeliveryAttemptFilter | null | undefined;
  after?: string | null | undefined;
  since?: string | null | undefined;
}>;


export type WatchDeliveriesSubscription = { deliveryAttempts: { cursor: string, node: { id: string, number: number, status: AttemptStatus, error: AttemptErrorCode | null, message: string | null, startedAt: string, durationMs: number, delivery: { id: string, status: DeliveryStatus, attemptCount: number, createdAt: string, completedAt: string | null, nextAttemptAt: string | null, webhookId: string, webhookUrl: string, event: { id: string, type: string, tags: Array<string> } | null } | null, response: { status: number } | null } } };

export type WatchDeliveryListSubscriptionVariables = Exact<{
  filter?: DeliveryFilter | null | undefined;
}>;


export type WatchDeliveryListSubscription = { deliveries: { kind: DeliveryChangeKind, matches: boolean | null, delivery: { id: string, status: DeliveryStatus, attemptCount: number, createdAt: string, completedAt: string | null, nextAttemptAt: string | null, webhookId: string, webhookUrl: string, lastAttempt: { id: string, number: number, status: AttemptStatus, error: AttemptErrorCode | null, message: string | null, startedAt: string, durationMs: number, response: { status: number } | null } | null, event: { id: string, type: string, tags: Array<string> } | null } | null } };

export type DeliveryRowFragment = { id: string, status: DeliveryStatus, attemptCount: number, createdAt: string, completedAt: string | null, nextAttemptAt: string | null, webhookId: string, webhookUrl: string, event: { id: string, type: string, tags: Array<string> } | null };

export type AttemptSummaryFragment = { id: string, number: number, status: AttemptStatus, error: AttemptErrorCode | null, message: string | null, startedAt: string, durationMs: number, response: { status: number } | null };

export type RetryDeliveryMutationVariables = Exact<{
  id: string;
}>;


export type RetryDeliveryMutation = { retryDelivery: { delivery: { id: string, status: DeliveryStatus, attemptCount: number, createdAt: string, completedAt: string | null, nextAttemptAt: string | null, webhookId: string, webhookUrl: string, lastAttempt: { id: string, number: number, status: AttemptStatus, error: AttemptErrorCode | null, message: string | null, startedAt: string, durationMs: number, response: { status: number } | null } | null, event: { id: string, type: string, tags: Array<string> } | null } | null, userErrors: Array<{ message: string }> } | null };

export type CancelDeliveryMutationVariables = Exact<{
  id: string;
}>;


export type CancelDeliveryMutation = { cancelDelivery: { delivery: { id: string, status: DeliveryStatus, attemptCount: number, createdAt: string, completedAt: string | null, nextAttemptAt: string | null, webhookId: string, webhookUrl: string, lastAttempt: { id: string, number: number, status: AttemptStatus, error: AttemptErrorCode | null, message: string | null, startedAt: string, durationMs: number, response: { status: number } | null } | null, event: { id: string, type: string, tags: Array<string> } | null } | null, userErrors: Array<{ message: string }> } | null };

export type DeliveryHistogramQueryVariables = Exact<{
  range: TimeRange;
  filter?: StatsFilter | null | undefined;
}>;


export type DeliveryHistogramQuery = { stats: { series: Array<{ from: string, to: string, values: { succeeded: number, failed: number, canceled: number } }> } | null };

export type DeliveryFacetsQueryVariables = Exact<{
  filter?: DeliveryFilter | null | undefined;
}>;


export type DeliveryFacetsQuery = { deliveries: { facets: { precision: CountPrecision, statuses: Array<{ value: string, count: number }>, eventTypes: Array<{ value: string, count: number }>, errors: Array<{ value: string, count: number }> } } | null };

export type DeliveryQueryVariables = Exact<{
  id: string;
}>;


export type DeliveryQuery = { delivery: { failureReason: DeliveryFailureReason | null, id: string, status: DeliveryStatus, attemptCount: number, createdAt: string, completedAt: string | null, nextAttemptAt: string | null, webhookId: string, webhookUrl: string, replay: { id: string } | null, blockedBy: { id: string, status: DeliveryStatus, event: { id: string } | null } | null, event: { orderingKey: string | null, id: string, type: string, tags: Array<string> } | null, webhook: { id: string, enabled: boolean, disabledReason: WebhookDisabledReason | null } | null, lastAttempt: { id: string, number: number, status: AttemptStatus, error: AttemptErrorCode | null, message: string | null, startedAt: string, durationMs: number, response: { status: number } | null } | null, attempts: { nodes: Array<{ trigger: AttemptTrigger, id: string, number: number, status: AttemptStatus, error: AttemptErrorCode | null, message: string | null, startedAt: string, durationMs: number, timings: { dnsMs: number, connectMs: number, tlsMs: number, firstByteMs: number, totalMs: number }, explanation: { summary: string, cause: string, advice: string, next: string } | null, response: { status: number } | null }>, pageInfo: { hasPreviousPage: boolean } } | null } | null };

export type AttemptQueryVariables = Exact<{
  id: string;
}>;


export type AttemptQuery = { attempt: { id: string, number: number, request: { url: string, signedBy: Array<string>, body: string, headers: Array<{ name: string, value: string }> }, response: { status: number, body: string, bodyBase64: string | null, truncated: boolean, headers: Array<{ name: string, value: string }> } | null } | null };

export type WatchDeliverySubscriptionVariables = Exact<{
  filter?: DeliveryAttemptFilter | null | undefined;
  after?: string | null | undefined;
  since?: string | null | undefined;
}>;


export type WatchDeliverySubscription = { deliveryAttempts: { cursor: string, node: { id: string, number: number } } };

export type DebugSignatureQueryVariables = Exact<{
  input: DebugSignatureInput;
}>;


export type DebugSignatureQuery = { debugSignature: { valid: boolean | null, scheme: SignatureScheme | null, secretId: string | null, signed: string | null, causes: Array<{ code: SignatureCauseCode, summary: string, advice: string, firstDifferentByte: number | null, received: string, sent: string }>, userErrors: Array<{ field: Array<string>, message: string }> } | null };

export type DebuggedAttemptQueryVariables = Exact<{
  id: string;
}>;


export type DebuggedAttemptQuery = { attempt: { id: string, number: number, request: { url: string }, delivery: { id: string } | null } | null };

export type DevelopersWebhookQueryVariables = Exact<{
  id: string;
}>;


export type DevelopersWebhookQuery = { webhook: { id: string, url: string } | null };

export type EventTypesQueryVariables = Exact<{
  filter?: EventTypeFilter | null | undefined;
  after?: string | null | undefined;
}>;


export type EventTypesQuery = { eventTypes: { nodes: Array<{ id: string, name: string, declared: boolean, description: string, validation: SchemaValidation, deprecatedAt: string | null, lastPublishedAt: string | null, lastViolationAt: string | null, webhookCount: number, stats: { totals: { events: number } } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null, searchedTo: string | null } } | null };

export type EventTypeRowFragment = { id: string, name: string, declared: boolean, description: string, validation: SchemaValidation, deprecatedAt: string | null, lastPublishedAt: string | null, lastViolationAt: string | null, webhookCount: number };

export type EventTypeQueryVariables = Exact<{
  name: string;
}>;


export type EventTypeQuery = { eventType: { lastViolation: string | null, id: string, name: string, declared: boolean, description: string, validation: SchemaValidation, deprecatedAt: string | null, lastPublishedAt: string | null, lastViolationAt: string | null, webhookCount: number, exactSchema: unknown, exactExample: unknown, webhooks: { nodes: Array<{ id: string, url: string, events: Array<string> | null, enabled: boolean, description: string, createdAt: string, disabledReason: WebhookDisabledReason | null, failingSince: string | null }>, pageInfo: { hasNextPage: boolean } } | null, stats: { totals: { events: number }, series: Array<{ from: string, values: { events: number } }> } | null } | null };

export type PutEventTypeMutationVariables = Exact<{
  input: PutEventTypeInput;
}>;


export type PutEventTypeMutation = { putEventType: { eventType: { id: string, name: string } | null, userErrors: Array<{ field: Array<string>, message: string }> } | null };

export type DeleteEventTypeMutationVariables = Exact<{
  name: string;
}>;


export type DeleteEventTypeMutation = { deleteEventType: { deletedEventTypeId: string | null, userErrors: Array<{ message: string }> } | null };

export type ImportEventTypesMutationVariables = Exact<{
  input: ImportEventTypesInput;
}>;


export type ImportEventTypesMutation = { importEventTypes: { unchangedCount: number | null, changes: Array<{ name: string, kind: EventTypeChangeKind, fields: Array<string>, webhookCount: number, failingEvents: number, violation: string | null }> | null, userErrors: Array<{ message: string }> } | null };

export type EventsQueryVariables = Exact<{
  filter?: EventFilter | null | undefined;
  after?: string | null | undefined;
  first: number;
}>;


export type EventsQuery = { events: { nodes: Array<{ id: string, type: string, tags: Array<string>, createdAt: string, deliveries: { facets: { precision: CountPrecision, statuses: Array<{ value: string, count: number }> } } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null, searchedTo: string | null } } | null };

export type EventQueryVariables = Exact<{
  id: string;
}>;


export type EventQuery = { event: { id: string, type: string, timestamp: string, createdAt: string, idempotencyKey: string | null, deliverAt: string | null, expiresAt: string | null, traceparent: string | null, tags: Array<string>, test: boolean, exactData: unknown, deliveries: { nodes: Array<{ id: string, status: DeliveryStatus, attemptCount: number, createdAt: string, completedAt: string | null, nextAttemptAt: string | null, webhookId: string, webhookUrl: string, lastAttempt: { id: string, number: number, status: AttemptStatus, error: AttemptErrorCode | null, message: string | null, startedAt: string, durationMs: number, response: { status: number } | null } | null, event: { id: string, type: string, tags: Array<string> } | null }>, pageInfo: { hasNextPage: boolean }, facets: { precision: CountPrecision, statuses: Array<{ value: string, count: number }> } } | null } | null };

export type MatchesQueryVariables = Exact<{
  id: string;
}>;


export type MatchesQuery = { event: { id: string, matches: { nodes: Array<{ outcome: WebhookMatchOutcome, reason: string | null, settingsChangedSince: boolean, webhook: { id: string, url: string } }>, pageInfo: { hasNextPage: boolean } } | null } | null };

export type SchemaErrorsQueryVariables = Exact<{
  id: string;
}>;


export type SchemaErrorsQuery = { event: { id: string, schemaErrors: Array<{ path: string, message: string }> | null } | null };

export type EventRowFragment = { id: string, type: string, tags: Array<string>, createdAt: string, deliveries: { facets: { precision: CountPrecision, statuses: Array<{ value: string, count: number }> } } | null };

export type FanOutFragment = { facets: { precision: CountPrecision, statuses: Array<{ value: string, count: number }> } };

export type PublishEventMutationVariables = Exact<{
  input: PublishEventInput;
}>;


export type PublishEventMutation = { publishEvent: { duplicate: boolean, event: { id: string } | null, userErrors: Array<{ field: Array<string>, message: string }> } | null };

export type JumpQueryVariables = Exact<{
  text: string;
}>;


export type JumpQuery = { search: Array<
    | { __typename: 'Delivery', id: string, status: DeliveryStatus, createdAt: string, webhookUrl: string }
    | { __typename: 'Event', id: string, type: string, createdAt: string }
    | { __typename: 'Tenant', id: string, name: string }
    | { __typename: 'Token' }
    | { __typename: 'Webhook', id: string, url: string }
  > | null };

export type JumpToOtherQueryVariables = Exact<{
  id: string;
}>;


export type JumpToOtherQuery = { attempt: { id: string, delivery: { id: string } | null } | null, replay: { id: string } | null };

export type TenantsQueryVariables = Exact<{
  name?: string | null | undefined;
}>;


export type TenantsQuery = { tenants: { nodes: Array<{ id: string, name: string }> } | null };

export type ViewerQueryVariables = Exact<{ [key: string]: never; }>;


export type ViewerQuery = { viewer: { operator: boolean, tenant: { id: string, name: string }, token: { id: string, name: string, scopes: Array<TokenScope>, expiresAt: string | null } } };

export type HomeQueryVariables = Exact<{
  range: TimeRange;
  before: TimeRange;
}>;


export type HomeQuery = { now: { from: string, asOf: string, totals: { events: number, successRate: number | null, succeeded: number, failed: number, p95: number | null }, series: Array<{ from: string, to: string, values: { created: number, succeeded: number, failed: number, canceled: number, p50: number | null, p95: number | null, p99: number | null } }>, backlog: { due: number, held: number, oldestDueAt: string | null }, errors: { groups: Array<{ key: string, values: { attempts: number } }> }, webhooks: { groups: Array<{ key: string, webhook: { url: string } | null, values: { attempts: number, successRate: number | null, failed: number } }> } } | null, before: { totals: { events: number, successRate: number | null, succeeded: number, failed: number, p95: number | null } } | null, delivered: { nodes: Array<{ id: string }> } | null };

export type FirstStepsQueryVariables = Exact<{ [key: string]: never; }>;


export type FirstStepsQuery = { server: { testReceiverUrl: string | null } | null, webhooks: { nodes: Array<{ id: string, url: string, failed: { nodes: Array<{ delivery: { id: string, status: DeliveryStatus } | null }> } | null }> } | null, delivered: { nodes: Array<{ id: string }> } | null };

export type WatchNumbersSubscriptionVariables = Exact<{
  range: TimeRange;
}>;


export type WatchNumbersSubscription = { stats: { from: string, asOf: string, totals: { events: number, successRate: number | null, succeeded: number, failed: number, p95: number | null }, series: Array<{ from: string, to: string, values: { created: number, succeeded: number, failed: number, canceled: number, p50: number | null, p95: number | null, p99: number | null } }>, backlog: { due: number, held: number, oldestDueAt: string | null }, errors: { groups: Array<{ key: string, values: { attempts: number } }> }, webhooks: { groups: Array<{ key: string, webhook: { url: string } | null, values: { attempts: number, successRate: number | null, failed: number } }> } } };

export type WatchTotalsSubscriptionVariables = Exact<{
  range: TimeRange;
}>;


export type WatchTotalsSubscription = { stats: { totals: { events: number, successRate: number | null, succeeded: number, failed: number, p95: number | null } } };

export type WatchFailingTenantsSubscriptionVariables = Exact<{
  range: TimeRange;
}>;


export type WatchFailingTenantsSubscription = { stats: { by: { groups: Array<{ key: string, tenant: { name: string } | null, values: { attempts: number, failed: number } }> } } };

export type HomeStatsFragment = { from: string, asOf: string, totals: { events: number, successRate: number | null, succeeded: number, failed: number, p95: number | null }, series: Array<{ from: string, to: string, values: { created: number, succeeded: number, failed: number, canceled: number, p50: number | null, p95: number | null, p99: number | null } }>, backlog: { due: number, held: number, oldestDueAt: string | null }, errors: { groups: Array<{ key: string, values: { attempts: number } }> }, webhooks: { groups: Array<{ key: string, webhook: { url: string } | null, values: { attempts: number, successRate: number | null, failed: number } }> } };

export type HomeValuesFragment = { events: number, successRate: number | null, succeeded: number, failed: number, p95: number | null };

export type OpenIssuesQueryVariables = Exact<{
  filter: IssueFilter;
  attempts: boolean;
}>;


export type OpenIssuesQuery = { issues: { nodes: Array<{ id: string, kind: IssueKind, title: string, advice: string, eventType: string | null, quota: IssueQuota | null, webhookId: string | null, count: number, firstSeenAt: string, lastSeenAt: string, acknowledgedAt: string | null, acknowledgedBy: string | null, disablesAt: string | null, webhook: { id: string, url: string } | null } & { lastAttempt?: { id: string, delivery: { id: string } | null } | null }>, count: { count: number, precision: CountPrecision } } | null };

export type IssuesQueryVariables = Exact<{
  filter?: IssueFilter | null | undefined;
  after?: string | null | undefined;
  allTenants: boolean;
}>;


export type IssuesQuery = { issues: { nodes: Array<{ resolvedAt: string | null, id: string, kind: IssueKind, title: string, advice: string, eventType: string | null, quota: IssueQuota | null, webhookId: string | null, count: number, firstSeenAt: string, lastSeenAt: string, acknowledgedAt: string | null, acknowledgedBy: string | null, disablesAt: string | null, tenant?: { id: string, name: string } | null, webhook: { id: string, url: string } | null, lastAttempt: { id: string, delivery: { id: string } | null } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null, searchedTo: string | null } } | null };

export type IssueRowFragment = { id: string, kind: IssueKind, title: string, advice: string, eventType: string | null, quota: IssueQuota | null, webhookId: string | null, count: number, firstSeenAt: string, lastSeenAt: string, acknowledgedAt: string | null, acknowledgedBy: string | null, disablesAt: string | null, webhook: { id: string, url: string } | null };

export type IssueAttemptFragment = { lastAttempt: { id: string, delivery: { id: string } | null } | null };

export type WatchIssuesSubscriptionVariables = Exact<{
  allTenants: boolean;
}>;


export type WatchIssuesSubscription = { issues: { first: { id: string } | null } };

export type AcknowledgeIssueMutationVariables = Exact<{
  id: string;
}>;


export type AcknowledgeIssueMutation = { acknowledgeIssue: { issue: { id: string, kind: IssueKind, title: string, advice: string, eventType: string | null, quota: IssueQuota | null, webhookId: string | null, count: number, firstSeenAt: string, lastSeenAt: string, acknowledgedAt: string | null, acknowledgedBy: string | null, disablesAt: string | null, webhook: { id: string, url: string } | null } | null, userErrors: Array<{ message: string }> } | null };

export type TokensQueryVariables = Exact<{
  filter?: TokenFilter | null | undefined;
  allTenants: boolean;
  after?: string | null | undefined;
}>;


export type TokensQuery = { tokens: { nodes: Array<{ id: string, name: string, prefix: string | null, scopes: Array<TokenScope>, createdAt: string, expiresAt: string | null, lastUsedAt: string | null, revokedAt: string | null, tenant: { id: string, name: string } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null, searchedTo: string | null } } | null };

export type CreateTokenMutationVariables = Exact<{
  input: CreateTokenInput;
}>;


export type CreateTokenMutation = { createToken: { credential: string | null, token: { id: string } | null, userErrors: Array<{ message: string, field: Array<string> }> } | null };

export type RevokeTokenMutationVariables = Exact<{
  id: string;
}>;


export type RevokeTokenMutation = { revokeToken: { token: { id: string, revokedAt: string | null } | null, userErrors: Array<{ message: string }> } | null };

export type OperateTenantsQueryVariables = Exact<{
  filter?: TenantFilter | null | undefined;
  after?: string | null | undefined;
}>;


export type OperateTenantsQuery = { tenants: { nodes: Array<{ id: string, name: string, createdAt: string, retentionMs: number | null, quotas: { webhooks: number | null, tokens: number | null, portalSessions: number | null, storedEvents: number | null, eventsPerSecond: number | null, eventBurst: number | null }, usage: { webhooks: number, storedEvents: number | null, backlog: { due: number, held: number }, stats: { totals: { events: number, successRate: number | null, succeeded: number, failed: number, p95: number | null } } } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null, searchedTo: string | null } } | null };

export type OperateServerQueryVariables = Exact<{ [key: string]: never; }>;


export type OperateServerQuery = { server: { version: string, retentionMs: number, keepFailedMs: number, deliveryMaxAgeMs: number, auditRetentionMs: number, timeoutMs: number, retryScheduleMs: Array<number>, limits: { dataBytes: number, events: number, pageSize: number, nodes: number, operationCost: number, responseBytes: number, retries: number, retryDelayMs: number, minTimeoutMs: number, maxTimeoutMs: number, ratePerSecond: number } } | null };

export type ServerChecksQueryVariables = Exact<{
  fresh: boolean;
}>;


export type ServerChecksQuery = { server: { checks: Array<{ name: string, status: ServerCheckStatus, found: string, means: string | null, remedy: string | null, notLookedAt: string | null, checkedAt: string }> | null } | null };

export type WatchServerSubscriptionVariables = Exact<{ [key: string]: never; }>;


export type WatchServerSubscription = { server: { nodes: Array<{ number: number, state: ServerNodeState, responds: boolean, host: string, version: string, startedAt: string, lastSeenAt: string, endedAt: string | null, claimedDeliveries: number }> | null, tasks: Array<{ name: string, exclusive: boolean, intervalMs: number, running: boolean, runs: number, passed: number, startedAt: string | null, durationMs: number | null, error: string | null, failuresInARow: number }> | null } };

export type WatchAuditLogSubscriptionVariables = Exact<{
  allTenants: boolean;
}>;


export type WatchAuditLogSubscription = { auditLog: { newest: { id: string } | null } };

export type AuditLogQueryVariables = Exact<{
  filter?: AuditEntryFilter | null | undefined;
  allTenants: boolean;
  after?: string | null | undefined;
}>;


export type AuditLogQuery = { auditLog: { nodes: Array<{ id: string, at: string, action: AuditAction, objectType: AuditObjectType, objectId: string, tenantId: string | null, address: string | null, requestId: string | null, actor: { kind: AuditActorKind, tokenId: string | null, name: string | null }, tenant: { id: string, name: string } | null, changes: Array<{ field: string, exactBefore: unknown, exactAfter: unknown }> }>, pageInfo: { hasNextPage: boolean, endCursor: string | null, searchedTo: string | null } } | null };

export type PortalSessionsQueryVariables = Exact<{
  filter?: PortalSessionFilter | null | undefined;
  allTenants: boolean;
  after?: string | null | undefined;
}>;


export type PortalSessionsQuery = { portalSessions: { nodes: Array<{ id: string, label: string, status: PortalSessionStatus, scopes: Array<TokenScope>, startPath: string, createdAt: string, expiresAt: string, openedAt: string | null, endsAt: string | null, lastUsedAt: string | null, revokedAt: string | null, tenant: { id: string, name: string } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null, searchedTo: string | null } } | null };

export type CreatePortalLinkMutationVariables = Exact<{
  input: CreatePortalLinkInput;
}>;


export type CreatePortalLinkMutation = { createPortalLink: { url: string | null, portalSession: { id: string } | null, userErrors: Array<{ message: string, field: Array<string> }> } | null };

export type RevokePortalSessionMutationVariables = Exact<{
  id: string;
}>;


export type RevokePortalSessionMutation = { revokePortalSession: { portalSession: { id: string, status: PortalSessionStatus, revokedAt: string | null } | null, userErrors: Array<{ message: string }> } | null };

export type ReplaysQueryVariables = Exact<{
  after?: string | null | undefined;
}>;


export type ReplaysQuery = { replays: { nodes: Array<{ id: string, kind: ReplayKind, status: ReplayStatus, note: string, failureReason: string | null, ratePerSecond: number | null, total: number | null, matched: number, started: number, succeeded: number, failed: number, skipped: number, createdAt: string, completedAt: string | null, estimatedCompletionAt: string | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null, searchedTo: string | null } } | null };

export type ReplayQueryVariables = Exact<{
  id: string;
}>;


export type ReplayQuery = { replay: { id: string, kind: ReplayKind, status: ReplayStatus, note: string, failureReason: string | null, ratePerSecond: number | null, total: number | null, matched: number, started: number, succeeded: number, failed: number, skipped: number, createdAt: string, completedAt: string | null, estimatedCompletionAt: string | null, exactFilter: unknown } | null };

export type ReplayWebhooksQueryVariables = Exact<{
  ids: Array<string> | string;
}>;


export type ReplayWebhooksQuery = { nodes: Array<
    | { __typename: 'AuditEntry' }
    | { __typename: 'Delivery' }
    | { __typename: 'DeliveryAttempt' }
    | { __typename: 'Event' }
    | { __typename: 'EventType' }
    | { __typename: 'Issue' }
    | { __typename: 'PortalSession' }
    | { __typename: 'Replay' }
    | { __typename: 'Tenant' }
    | { __typename: 'Token' }
    | { __typename: 'Webhook', id: string, url: string }
   | null> | null };

export type ReplayPreviewQueryVariables = Exact<{
  input: ReplayInput;
}>;


export type ReplayPreviewQuery = { replayPreview: { deliveries: { count: number, precision: CountPrecision }, byWebhook: Array<{ webhookId: string, count: number, webhook: { url: string } | null }>, samples: Array<{ id: string, status: DeliveryStatus, attemptCount: number, createdAt: string, completedAt: string | null, nextAttemptAt: string | null, webhookId: string, webhookUrl: string, lastAttempt: { id: string, number: number, status: AttemptStatus, error: AttemptErrorCode | null, message: string | null, startedAt: string, durationMs: number, response: { status: number } | null } | null, event: { id: string, type: string, tags: Array<string> } | null }>, userErrors: Array<{ field: Array<string>, message: string }> } | null };

export type WatchReplaySubscriptionVariables = Exact<{
  id: string;
}>;


export type WatchReplaySubscription = { replayProgress: { id: string, kind: ReplayKind, status: ReplayStatus, note: string, failureReason: string | null, ratePerSecond: number | null, total: number | null, matched: number, started: number, succeeded: number, failed: number, skipped: number, createdAt: string, completedAt: string | null, estimatedCompletionAt: string | null } };

export type ChooseWebhookQueryVariables = Exact<{
  text?: string | null | undefined;
}>;


export type ChooseWebhookQuery = { webhooks: { nodes: Array<{ id: string, url: string, description: string }>, pageInfo: { hasNextPage: boolean } } | null };

export type ReplayDeliveriesMutationVariables = Exact<{
  input: ReplayInput;
}>;


export type ReplayDeliveriesMutation = { replayDeliveries: { replay: { id: string } | null, userErrors: Array<{ field: Array<string>, message: string }> } | null };

export type CancelDeliveriesMutationVariables = Exact<{
  input: CancelDeliveriesInput;
}>;


export type CancelDeliveriesMutation = { cancelDeliveries: { replay: { id: string } | null, userErrors: Array<{ field: Array<string>, message: string }> } | null };

export type UpdateReplayMutationVariables = Exact<{
  input: UpdateReplayInput;
}>;


export type UpdateReplayMutation = { updateReplay: { replay: { id: string, kind: ReplayKind, status: ReplayStatus, note: string, failureReason: string | null, ratePerSecond: number | null, total: number | null, matched: number, started: number, succeeded: number, failed: number, skipped: number, createdAt: string, completedAt: string | null, estimatedCompletionAt: string | null } | null, userErrors: Array<{ message: string }> } | null };

export type CancelReplayMutationVariables = Exact<{
  id: string;
}>;


export type CancelReplayMutation = { cancelReplay: { replay: { id: string, kind: ReplayKind, status: ReplayStatus, note: string, failureReason: string | null, ratePerSecond: number | null, total: number | null, matched: number, started: number, succeeded: number, failed: number, skipped: number, createdAt: string, completedAt: string | null, estimatedCompletionAt: string | null } | null, userErrors: Array<{ message: string }> } | null };

export type ReplayRowFragment = { id: string, kind: ReplayKind, status: ReplayStatus, note: string, failureReason: string | null, ratePerSecond: number | null, total: number | null, matched: number, started: number, succeeded: number, failed: number, skipped: number, createdAt: string, completedAt: string | null, estimatedCompletionAt: string | null };

export type ChartBucketFragment = { from: string, to: string, values: { created: number, succeeded: number, failed: number, canceled: number, p50: number | null, p95: number | null, p99: number | null } };

export type WebhooksQueryVariables = Exact<{
  filter?: WebhookFilter | null | undefined;
  after?: string | null | undefined;
}>;


export type WebhooksQuery = { webhooks: { nodes: Array<{ id: string, url: string, events: Array<string> | null, enabled: boolean, description: string, createdAt: string, disabledReason: WebhookDisabledReason | null, failingSince: string | null, stats: { series: Array<{ from: string, values: { succeeded: number, failed: number } }> } | null, health: { successRate: number | null, p95Ms: number | null, failuresInARow: number, lastSuccessAt: string | null, disablesAt: string | null, backlog: { due: number, held: number } } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null, searchedTo: string | null } } | null };

export type WebhookHealthFragment = { health: { successRate: number | null, p95Ms: number | null, failuresInARow: number, lastSuccessAt: string | null, disablesAt: string | null, backlog: { due: number, held: number } } | null };

export type WebhookRowFragment = { id: string, url: string, events: Array<string> | null, enabled: boolean, description: string, createdAt: string, disabledReason: WebhookDisabledReason | null, failingSince: string | null };

export type WebhookProbesFragment = { probe: boolean, nextProbeAt: string | null, probeCount: number };

export type WebhookQueryVariables = Exact<{
  id: string;
}>;


export type WebhookQuery = { webhook: { externalId: string | null, updatedAt: string, disabledAt: string | null, retryScheduleMs: Array<number> | null, noRetryStatuses: Array<number>, timeoutMs: number | null, ratePerSecond: number | null, ordering: WebhookOrdering, onFailure: WebhookOnFailure, sendTraceparent: boolean, id: string, url: string, events: Array<string> | null, enabled: boolean, description: string, createdAt: string, disabledReason: WebhookDisabledReason | null, failingSince: string | null, probe: boolean, nextProbeAt: string | null, probeCount: number, headers: Array<{ name: string, value: string | null, sensitive: boolean }>, secrets: Array<{ id: string, scheme: SignatureScheme, createdAt: string, expiresAt: string | null, publicKey: string | null }>, health: { successRate: number | null, p95Ms: number | null, failuresInARow: number, lastSuccessAt: string | null, disablesAt: string | null, backlog: { due: number, held: number } } | null } | null, server: { timeoutMs: number, retryScheduleMs: Array<number> } | null };

export type WebhookFailuresQueryVariables = Exact<{
  id: string;
}>;


export type WebhookFailuresQuery = { webhook: { id: string, stats: { series: Array<{ from: string, to: string, values: { created: number, succeeded: number, failed: number, canceled: number, p50: number | null, p95: number | null, p99: number | null } }>, backlog: { due: number, held: number } } | null, failed: { nodes: Array<{ id: string, status: DeliveryStatus, attemptCount: number, createdAt: string, completedAt: string | null, nextAttemptAt: string | null, webhookId: string, webhookUrl: string, lastAttempt: { id: string, number: number, status: AttemptStatus, error: AttemptErrorCode | null, message: string | null, startedAt: string, durationMs: number, response: { status: number } | null } | null, event: { id: string, type: string, tags: Array<string> } | null }> } | null, attempts: { nodes: Array<{ id: string, number: number, status: AttemptStatus, error: AttemptErrorCode | null, message: string | null, startedAt: string, durationMs: number, response: { status: number } | null }> } | null } | null };

export type CreateWebhookMutationVariables = Exact<{
  input: CreateWebhookInput;
}>;


export type CreateWebhookMutation = { createWebhook: { secret: string | null, webhook: { id: string, url: string, events: Array<string> | null, enabled: boolean, description: string, createdAt: string, disabledReason: WebhookDisabledReason | null, failingSince: string | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> }> } | null };

export type UpdateWebhookMutationVariables = Exact<{
  input: UpdateWebhookInput;
}>;


export type UpdateWebhookMutation = { updateWebhook: { webhook: { updatedAt: string, disabledAt: string | null, retryScheduleMs: Array<number> | null, noRetryStatuses: Array<number>, timeoutMs: number | null, ratePerSecond: number | null, ordering: WebhookOrdering, onFailure: WebhookOnFailure, sendTraceparent: boolean, id: string, url: string, events: Array<string> | null, enabled: boolean, description: string, createdAt: string, disabledReason: WebhookDisabledReason | null, failingSince: string | null, probe: boolean, nextProbeAt: string | null, probeCount: number, headers: Array<{ name: string, value: string | null, sensitive: boolean }> } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> }> } | null };

export type DeleteWebhookMutationVariables = Exact<{
  id: string;
}>;


export type DeleteWebhookMutation = { deleteWebhook: { deletedWebhookId: string | null, userErrors: Array<{ message: string }> } | null };

export type RotateWebhookSecretMutationVariables = Exact<{
  input: RotateWebhookSecretInput;
}>;


export type RotateWebhookSecretMutation = { rotateWebhookSecret: { secret: string | null, webhook: { id: string, secrets: Array<{ id: string, scheme: SignatureScheme, createdAt: string, expiresAt: string | null, publicKey: string | null }> } | null, userErrors: Array<{ message: string }> } | null };

export type TestableTypesQueryVariables = Exact<{
  name?: string | null | undefined;
}>;


export type TestableTypesQuery = { eventTypes: { nodes: Array<{ id: string, name: string, declared: boolean }> } | null };

export type TestWebhookMutationVariables = Exact<{
  input: TestWebhookInput;
}>;


export type TestWebhookMutation = { testWebhook: { delivery: { id: string } | null, userErrors: Array<{ field: Array<string>, message: string }> } | null };

export type AuthenticationOfWebhookQueryVariables = Exact<{
  id: string;
}>;


export type AuthenticationOfWebhookQuery = { webhook: { id: string, updatedAt: string, authentication: { kinds: Array<WebhookAuthenticationKind>, basic: { username: string } | null, oauth2: { tokenUrl: string, clientId: string, clientAuthentication: OAuth2ClientAuthentication, scopes: Array<string>, audience: string | null, parameters: Array<{ name: string }> } | null, certificate: { subject: string, issuer: string, fingerprint: string, notBefore: string, notAfter: string } | null } | null } | null };

export type UpdateExactlyMutationVariables = Exact<{
  input: UpdateWebhookInput;
}>;


export type UpdateExactlyMutation = { updateWebhook: { webhook: { id: string, updatedAt: string } | null, userErrors: Array<{ code: UserErrorCode, field: Array<string>, message: string }> } | null };

export type FilterOfWebhookQueryVariables = Exact<{
  id: string;
}>;


export type FilterOfWebhookQuery = { webhook: { id: string, updatedAt: string, events: Array<string> | null, exactFilter: unknown } | null };

export type TryFilterQueryVariables = Exact<{
  input: PreviewDeliveryInput;
}>;


export type TryFilterQuery = { previewDelivery: { matches: boolean | null, failedTerm: string | null, matchedOfRecent: { matched: number, of: number } | null, userErrors: Array<{ field: Array<string>, message: string }> } | null };

export type PayloadOfWebhookQueryVariables = Exact<{
  id: string;
}>;


export type PayloadOfWebhookQuery = { webhook: { id: string, updatedAt: string, events: Array<string> | null, payload: { format: PayloadFormat, includeFields: Array<string> | null, exactTemplate: unknown } } | null };

export type PayloadSettingsFragment = { format: PayloadFormat, includeFields: Array<string> | null, exactTemplate: unknown };

export type TryPayloadQueryVariables = Exact<{
  input: PreviewDeliveryInput;
}>;


export type TryPayloadQuery = { previewDelivery: { request: { body: string, headers: Array<{ name: string, value: string }> } | null, userErrors: Array<{ field: Array<string>, message: string }> } | null };

export type NewestWantedQueryVariables = Exact<{
  types?: Array<string> | string | null | undefined;
  first: number;
}>;


export type NewestWantedQuery = { events: { nodes: Array<{ id: string, type: string, createdAt: string }> } | null };

export const DeliveryRowFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"DeliveryRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Delivery"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"attemptCount"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"completedAt"}},{"kind":"Field","name":{"kind":"Name","value":"nextAttemptAt"}},{"kind":"Field","name":{"kind":"Name","value":"webhookId"}},{"kind":"Field","name":{"kind":"Name","value":"webhookUrl"}},{"kind":"Field","name":{"kind":"Name","value":"event"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"tags"}}]}}]}}]} as unknown as DocumentNode<DeliveryRowFragment, unknown>;
export const AttemptSummaryFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"AttemptSummary"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DeliveryAttempt"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"number"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"error"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"durationMs"}},{"kind":"Field","name":{"kind":"Name","value":"response"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}}]} as unknown as DocumentNode<AttemptSummaryFragment, unknown>;
export const EventTypeRowFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"EventTypeRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"EventType"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"declared"}},{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"validation"}},{"kind":"Field","name":{"kind":"Name","value":"deprecatedAt"}},{"kind":"Field","name":{"kind":"Name","value":"lastPublishedAt"}},{"kind":"Field","name":{"kind":"Name","value":"lastViolationAt"}},{"kind":"Field","name":{"kind":"Name","value":"webhookCount"}}]}}]} as unknown as DocumentNode<EventTypeRowFragment, unknown>;
export const FanOutFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"FanOut"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DeliveryConnection"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"facets"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"limit"},"value":{"kind":"IntValue","value":"100"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"statuses"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"value"}},{"kind":"Field","name":{"kind":"Name","value":"count"}}]}},{"kind":"Field","name":{"kind":"Name","value":"precision"}}]}}]}}]} as unknown as DocumentNode<FanOutFragment, unknown>;
export const EventRowFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"EventRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Event"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"tags"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"1"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"FanOut"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"FanOut"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DeliveryConnection"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"facets"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"limit"},"value":{"kind":"IntValue","value":"100"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"statuses"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"value"}},{"kind":"Field","name":{"kind":"Name","value":"count"}}]}},{"kind":"Field","name":{"kind":"Name","value":"precision"}}]}}]}}]} as unknown as DocumentNode<EventRowFragment, unknown>;
export const HomeValuesFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"HomeValues"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"StatsValues"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"events"}},{"kind":"Field","alias":{"kind":"Name","value":"succeeded"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"SUCCEEDED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"failed"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"FAILED"}]}}]},{"kind":"Field","name":{"kind":"Name","value":"successRate"}},{"kind":"Field","alias":{"kind":"Name","value":"p95"},"name":{"kind":"Name","value":"latencyMs"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"quantile"},"value":{"kind":"FloatValue","value":"0.95"}}]}]}}]} as unknown as DocumentNode<HomeValuesFragment, unknown>;
export const ChartBucketFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"ChartBucket"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"StatsBucket"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"from"}},{"kind":"Field","name":{"kind":"Name","value":"to"}},{"kind":"Field","name":{"kind":"Name","value":"values"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"created"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"PENDING"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"succeeded"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"SUCCEEDED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"failed"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"FAILED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"canceled"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"CANCELED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"p50"},"name":{"kind":"Name","value":"latencyMs"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"quantile"},"value":{"kind":"FloatValue","value":"0.5"}}]},{"kind":"Field","alias":{"kind":"Name","value":"p95"},"name":{"kind":"Name","value":"latencyMs"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"quantile"},"value":{"kind":"FloatValue","value":"0.95"}}]},{"kind":"Field","alias":{"kind":"Name","value":"p99"},"name":{"kind":"Name","value":"latencyMs"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"quantile"},"value":{"kind":"FloatValue","value":"0.99"}}]}]}}]}}]} as unknown as DocumentNode<ChartBucketFragment, unknown>;
export const HomeStatsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"HomeStats"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Stats"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"from"}},{"kind":"Field","name":{"kind":"Name","value":"asOf"}},{"kind":"Field","name":{"kind":"Name","value":"totals"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"HomeValues"}}]}},{"kind":"Field","name":{"kind":"Name","value":"series"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"limit"},"value":{"kind":"IntValue","value":"60"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"ChartBucket"}}]}},{"kind":"Field","name":{"kind":"Name","value":"backlog"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"due"}},{"kind":"Field","name":{"kind":"Name","value":"held"}},{"kind":"Field","name":{"kind":"Name","value":"oldestDueAt"}}]}},{"kind":"Field","alias":{"kind":"Name","value":"errors"},"name":{"kind":"Name","value":"by"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"dimension"},"value":{"kind":"EnumValue","value":"ATTEMPT_ERROR"}},{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"5"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"groups"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"key"}},{"kind":"Field","name":{"kind":"Name","value":"values"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"attempts"}}]}}]}}]}},{"kind":"Field","alias":{"kind":"Name","value":"webhooks"},"name":{"kind":"Name","value":"by"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"dimension"},"value":{"kind":"EnumValue","value":"WEBHOOK"}},{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"5"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"groups"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"key"}},{"kind":"Field","name":{"kind":"Name","value":"webhook"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"url"}}]}},{"kind":"Field","name":{"kind":"Name","value":"values"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"attempts"}},{"kind":"Field","alias":{"kind":"Name","value":"failed"},"name":{"kind":"Name","value":"attempts"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"FAILED"}]}}]},{"kind":"Field","name":{"kind":"Name","value":"successRate"}}]}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"HomeValues"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"StatsValues"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"events"}},{"kind":"Field","alias":{"kind":"Name","value":"succeeded"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"SUCCEEDED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"failed"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"FAILED"}]}}]},{"kind":"Field","name":{"kind":"Name","value":"successRate"}},{"kind":"Field","alias":{"kind":"Name","value":"p95"},"name":{"kind":"Name","value":"latencyMs"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"quantile"},"value":{"kind":"FloatValue","value":"0.95"}}]}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"ChartBucket"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"StatsBucket"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"from"}},{"kind":"Field","name":{"kind":"Name","value":"to"}},{"kind":"Field","name":{"kind":"Name","value":"values"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"created"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"PENDING"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"succeeded"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"SUCCEEDED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"failed"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"FAILED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"canceled"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"CANCELED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"p50"},"name":{"kind":"Name","value":"latencyMs"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"quantile"},"value":{"kind":"FloatValue","value":"0.5"}}]},{"kind":"Field","alias":{"kind":"Name","value":"p95"},"name":{"kind":"Name","value":"latencyMs"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"quantile"},"value":{"kind":"FloatValue","value":"0.95"}}]},{"kind":"Field","alias":{"kind":"Name","value":"p99"},"name":{"kind":"Name","value":"latencyMs"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"quantile"},"value":{"kind":"FloatValue","value":"0.99"}}]}]}}]}}]} as unknown as DocumentNode<HomeStatsFragment, unknown>;
export const IssueRowFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"IssueRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Issue"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"title"}},{"kind":"Field","name":{"kind":"Name","value":"advice"}},{"kind":"Field","name":{"kind":"Name","value":"eventType"}},{"kind":"Field","name":{"kind":"Name","value":"quota"}},{"kind":"Field","name":{"kind":"Name","value":"webhookId"}},{"kind":"Field","name":{"kind":"Name","value":"webhook"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"url"}}]}},{"kind":"Field","name":{"kind":"Name","value":"count"}},{"kind":"Field","name":{"kind":"Name","value":"firstSeenAt"}},{"kind":"Field","name":{"kind":"Name","value":"lastSeenAt"}},{"kind":"Field","name":{"kind":"Name","value":"acknowledgedAt"}},{"kind":"Field","name":{"kind":"Name","value":"acknowledgedBy"}},{"kind":"Field","name":{"kind":"Name","value":"disablesAt"}}]}}]} as unknown as DocumentNode<IssueRowFragment, unknown>;
export const IssueAttemptFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"IssueAttempt"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Issue"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"lastAttempt"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"delivery"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}}]}}]}}]} as unknown as DocumentNode<IssueAttemptFragment, unknown>;
export const ReplayRowFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"ReplayRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Replay"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"note"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"ratePerSecond"}},{"kind":"Field","name":{"kind":"Name","value":"total"}},{"kind":"Field","name":{"kind":"Name","value":"matched"}},{"kind":"Field","name":{"kind":"Name","value":"started"}},{"kind":"Field","name":{"kind":"Name","value":"succeeded"}},{"kind":"Field","name":{"kind":"Name","value":"failed"}},{"kind":"Field","name":{"kind":"Name","value":"skipped"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"completedAt"}},{"kind":"Field","name":{"kind":"Name","value":"estimatedCompletionAt"}}]}}]} as unknown as DocumentNode<ReplayRowFragment, unknown>;
export const WebhookHealthFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"WebhookHealth"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Webhook"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"health"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"successRate"}},{"kind":"Field","name":{"kind":"Name","value":"p95Ms"}},{"kind":"Field","name":{"kind":"Name","value":"failuresInARow"}},{"kind":"Field","name":{"kind":"Name","value":"lastSuccessAt"}},{"kind":"Field","name":{"kind":"Name","value":"disablesAt"}},{"kind":"Field","name":{"kind":"Name","value":"backlog"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"due"}},{"kind":"Field","name":{"kind":"Name","value":"held"}}]}}]}}]}}]} as unknown as DocumentNode<WebhookHealthFragment, unknown>;
export const WebhookRowFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"WebhookRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Webhook"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"url"}},{"kind":"Field","name":{"kind":"Name","value":"events"}},{"kind":"Field","name":{"kind":"Name","value":"enabled"}},{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"disabledReason"}},{"kind":"Field","name":{"kind":"Name","value":"failingSince"}}]}}]} as unknown as DocumentNode<WebhookRowFragment, unknown>;
export const WebhookProbesFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"WebhookProbes"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Webhook"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"probe"}},{"kind":"Field","name":{"kind":"Name","value":"nextProbeAt"}},{"kind":"Field","name":{"kind":"Name","value":"probeCount"}}]}}]} as unknown as DocumentNode<WebhookProbesFragment, unknown>;
export const PayloadSettingsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"PayloadSettings"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"WebhookPayload"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"format"}},{"kind":"Field","name":{"kind":"Name","value":"includeFields"}},{"kind":"Field","alias":{"kind":"Name","value":"exactTemplate"},"name":{"kind":"Name","value":"template"}}]}}]} as unknown as DocumentNode<PayloadSettingsFragment, unknown>;
export const WatchCountsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"WatchCounts"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"range"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"TimeRange"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"StatsFilter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"stats"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"range"},"value":{"kind":"Variable","name":{"kind":"Name","value":"range"}}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"totals"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"events"}},{"kind":"Field","alias":{"kind":"Name","value":"created"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"PENDING"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"ended"},"name":{"kind":"Name","value":"deliveries"}},{"kind":"Field","name":{"kind":"Name","value":"attempts"}}]}}]}}]}}]} as unknown as DocumentNode<WatchCountsSubscription, WatchCountsSubscriptionVariables>;
export const WatchChangesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"WatchChanges"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"DeliveryFilter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"kind"}}]}}]}}]} as unknown as DocumentNode<WatchChangesSubscription, WatchChangesSubscriptionVariables>;
export const DeliveriesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Deliveries"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"DeliveryFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"first"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"Variable","name":{"kind":"Name","value":"first"}}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"DeliveryRow"}},{"kind":"Field","name":{"kind":"Name","value":"lastAttempt"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"AttemptSummary"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}},{"kind":"Field","name":{"kind":"Name","value":"searchedTo"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"DeliveryRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Delivery"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"attemptCount"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"completedAt"}},{"kind":"Field","name":{"kind":"Name","value":"nextAttemptAt"}},{"kind":"Field","name":{"kind":"Name","value":"webhookId"}},{"kind":"Field","name":{"kind":"Name","value":"webhookUrl"}},{"kind":"Field","name":{"kind":"Name","value":"event"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"tags"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"AttemptSummary"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DeliveryAttempt"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"number"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"error"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"durationMs"}},{"kind":"Field","name":{"kind":"Name","value":"response"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}}]} as unknown as DocumentNode<DeliveriesQuery, DeliveriesQueryVariables>;
export const CountDeliveriesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"CountDeliveries"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"DeliveryFilter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"1"}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"count"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"limit"},"value":{"kind":"IntValue","value":"1000"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"count"}},{"kind":"Field","name":{"kind":"Name","value":"precision"}}]}}]}}]}}]} as unknown as DocumentNode<CountDeliveriesQuery, CountDeliveriesQueryVariables>;
export const WatchDeliveriesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"WatchDeliveries"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"DeliveryAttemptFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"since"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"TimeBound"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"deliveryAttempts"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}},{"kind":"Argument","name":{"kind":"Name","value":"since"},"value":{"kind":"Variable","name":{"kind":"Name","value":"since"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cursor"}},{"kind":"Field","name":{"kind":"Name","value":"node"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"AttemptSummary"}},{"kind":"Field","name":{"kind":"Name","value":"delivery"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"DeliveryRow"}}]}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"AttemptSummary"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DeliveryAttempt"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"number"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"error"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"durationMs"}},{"kind":"Field","name":{"kind":"Name","value":"response"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"DeliveryRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Delivery"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"attemptCount"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"completedAt"}},{"kind":"Field","name":{"kind":"Name","value":"nextAttemptAt"}},{"kind":"Field","name":{"kind":"Name","value":"webhookId"}},{"kind":"Field","name":{"kind":"Name","value":"webhookUrl"}},{"kind":"Field","name":{"kind":"Name","value":"event"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"tags"}}]}}]}}]} as unknown as DocumentNode<WatchDeliveriesSubscription, WatchDeliveriesSubscriptionVariables>;
export const WatchDeliveryListDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"WatchDeliveryList"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"DeliveryFilter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"matches"}},{"kind":"Field","name":{"kind":"Name","value":"delivery"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"DeliveryRow"}},{"kind":"Field","name":{"kind":"Name","value":"lastAttempt"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"AttemptSummary"}}]}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"DeliveryRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Delivery"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"attemptCount"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"completedAt"}},{"kind":"Field","name":{"kind":"Name","value":"nextAttemptAt"}},{"kind":"Field","name":{"kind":"Name","value":"webhookId"}},{"kind":"Field","name":{"kind":"Name","value":"webhookUrl"}},{"kind":"Field","name":{"kind":"Name","value":"event"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"tags"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"AttemptSummary"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DeliveryAttempt"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"number"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"error"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"durationMs"}},{"kind":"Field","name":{"kind":"Name","value":"response"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}}]} as unknown as DocumentNode<WatchDeliveryListSubscription, WatchDeliveryListSubscriptionVariables>;
export const RetryDeliveryDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"RetryDelivery"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryDelivery"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"delivery"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"DeliveryRow"}},{"kind":"Field","name":{"kind":"Name","value":"lastAttempt"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"AttemptSummary"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"DeliveryRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Delivery"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"attemptCount"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"completedAt"}},{"kind":"Field","name":{"kind":"Name","value":"nextAttemptAt"}},{"kind":"Field","name":{"kind":"Name","value":"webhookId"}},{"kind":"Field","name":{"kind":"Name","value":"webhookUrl"}},{"kind":"Field","name":{"kind":"Name","value":"event"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"tags"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"AttemptSummary"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DeliveryAttempt"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"number"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"error"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"durationMs"}},{"kind":"Field","name":{"kind":"Name","value":"response"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}}]} as unknown as DocumentNode<RetryDeliveryMutation, RetryDeliveryMutationVariables>;
export const CancelDeliveryDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CancelDelivery"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cancelDelivery"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"delivery"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"DeliveryRow"}},{"kind":"Field","name":{"kind":"Name","value":"lastAttempt"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"AttemptSummary"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"DeliveryRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Delivery"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"attemptCount"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"completedAt"}},{"kind":"Field","name":{"kind":"Name","value":"nextAttemptAt"}},{"kind":"Field","name":{"kind":"Name","value":"webhookId"}},{"kind":"Field","name":{"kind":"Name","value":"webhookUrl"}},{"kind":"Field","name":{"kind":"Name","value":"event"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"tags"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"AttemptSummary"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DeliveryAttempt"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"number"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"error"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"durationMs"}},{"kind":"Field","name":{"kind":"Name","value":"response"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}}]} as unknown as DocumentNode<CancelDeliveryMutation, CancelDeliveryMutationVariables>;
export const DeliveryHistogramDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"DeliveryHistogram"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"range"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"TimeRange"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"StatsFilter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"stats"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"range"},"value":{"kind":"Variable","name":{"kind":"Name","value":"range"}}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"series"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"limit"},"value":{"kind":"IntValue","value":"60"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"from"}},{"kind":"Field","name":{"kind":"Name","value":"to"}},{"kind":"Field","name":{"kind":"Name","value":"values"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"succeeded"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"SUCCEEDED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"failed"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"FAILED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"canceled"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"CANCELED"}]}}]}]}}]}}]}}]}}]} as unknown as DocumentNode<DeliveryHistogramQuery, DeliveryHistogramQueryVariables>;
export const DeliveryFacetsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"DeliveryFacets"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"DeliveryFilter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"1"}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"facets"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"limit"},"value":{"kind":"IntValue","value":"1000"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"statuses"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"value"}},{"kind":"Field","name":{"kind":"Name","value":"count"}}]}},{"kind":"Field","name":{"kind":"Name","value":"eventTypes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"value"}},{"kind":"Field","name":{"kind":"Name","value":"count"}}]}},{"kind":"Field","name":{"kind":"Name","value":"errors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"value"}},{"kind":"Field","name":{"kind":"Name","value":"count"}}]}},{"kind":"Field","name":{"kind":"Name","value":"precision"}}]}}]}}]}}]} as unknown as DocumentNode<DeliveryFacetsQuery, DeliveryFacetsQueryVariables>;
export const DeliveryDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Delivery"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"delivery"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"DeliveryRow"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"replay"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"Field","name":{"kind":"Name","value":"blockedBy"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"event"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"event"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"orderingKey"}}]}},{"kind":"Field","name":{"kind":"Name","value":"webhook"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"enabled"}},{"kind":"Field","name":{"kind":"Name","value":"disabledReason"}}]}},{"kind":"Field","name":{"kind":"Name","value":"lastAttempt"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"AttemptSummary"}}]}},{"kind":"Field","name":{"kind":"Name","value":"attempts"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"last"},"value":{"kind":"IntValue","value":"100"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"AttemptSummary"}},{"kind":"Field","name":{"kind":"Name","value":"trigger"}},{"kind":"Field","name":{"kind":"Name","value":"timings"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"dnsMs"}},{"kind":"Field","name":{"kind":"Name","value":"connectMs"}},{"kind":"Field","name":{"kind":"Name","value":"tlsMs"}},{"kind":"Field","name":{"kind":"Name","value":"firstByteMs"}},{"kind":"Field","name":{"kind":"Name","value":"totalMs"}}]}},{"kind":"Field","name":{"kind":"Name","value":"explanation"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"summary"}},{"kind":"Field","name":{"kind":"Name","value":"cause"}},{"kind":"Field","name":{"kind":"Name","value":"advice"}},{"kind":"Field","name":{"kind":"Name","value":"next"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasPreviousPage"}}]}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"DeliveryRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Delivery"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"attemptCount"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"completedAt"}},{"kind":"Field","name":{"kind":"Name","value":"nextAttemptAt"}},{"kind":"Field","name":{"kind":"Name","value":"webhookId"}},{"kind":"Field","name":{"kind":"Name","value":"webhookUrl"}},{"kind":"Field","name":{"kind":"Name","value":"event"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"tags"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"AttemptSummary"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DeliveryAttempt"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"number"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"error"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"durationMs"}},{"kind":"Field","name":{"kind":"Name","value":"response"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}}]} as unknown as DocumentNode<DeliveryQuery, DeliveryQueryVariables>;
export const AttemptDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Attempt"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"attempt"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"number"}},{"kind":"Field","name":{"kind":"Name","value":"request"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"url"}},{"kind":"Field","name":{"kind":"Name","value":"headers"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"value"}}]}},{"kind":"Field","name":{"kind":"Name","value":"signedBy"}},{"kind":"Field","name":{"kind":"Name","value":"body"}}]}},{"kind":"Field","name":{"kind":"Name","value":"response"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"headers"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"value"}}]}},{"kind":"Field","name":{"kind":"Name","value":"body"}},{"kind":"Field","name":{"kind":"Name","value":"bodyBase64"}},{"kind":"Field","name":{"kind":"Name","value":"truncated"}}]}}]}}]}}]} as unknown as DocumentNode<AttemptQuery, AttemptQueryVariables>;
export const WatchDeliveryDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"WatchDelivery"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"DeliveryAttemptFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"since"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"TimeBound"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"deliveryAttempts"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}},{"kind":"Argument","name":{"kind":"Name","value":"since"},"value":{"kind":"Variable","name":{"kind":"Name","value":"since"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cursor"}},{"kind":"Field","name":{"kind":"Name","value":"node"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"number"}}]}}]}}]}}]} as unknown as DocumentNode<WatchDeliverySubscription, WatchDeliverySubscriptionVariables>;
export const DebugSignatureDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"DebugSignature"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"DebugSignatureInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"debugSignature"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"valid"}},{"kind":"Field","name":{"kind":"Name","value":"scheme"}},{"kind":"Field","name":{"kind":"Name","value":"secretId"}},{"kind":"Field","name":{"kind":"Name","value":"signed"}},{"kind":"Field","name":{"kind":"Name","value":"causes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"summary"}},{"kind":"Field","name":{"kind":"Name","value":"advice"}},{"kind":"Field","name":{"kind":"Name","value":"firstDifferentByte"}},{"kind":"Field","name":{"kind":"Name","value":"received"}},{"kind":"Field","name":{"kind":"Name","value":"sent"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"field"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<DebugSignatureQuery, DebugSignatureQueryVariables>;
export const DebuggedAttemptDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"DebuggedAttempt"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"attempt"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"number"}},{"kind":"Field","name":{"kind":"Name","value":"request"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"url"}}]}},{"kind":"Field","name":{"kind":"Name","value":"delivery"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}}]}}]}}]} as unknown as DocumentNode<DebuggedAttemptQuery, DebuggedAttemptQueryVariables>;
export const DevelopersWebhookDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"DevelopersWebhook"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"webhook"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"url"}}]}}]}}]} as unknown as DocumentNode<DevelopersWebhookQuery, DevelopersWebhookQueryVariables>;
export const EventTypesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"EventTypes"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"EventTypeFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"eventTypes"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"100"}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"EventTypeRow"}},{"kind":"Field","name":{"kind":"Name","value":"stats"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"range"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"from"},"value":{"kind":"StringValue","value":"-P7D","block":false}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"totals"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"events"}}]}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}},{"kind":"Field","name":{"kind":"Name","value":"searchedTo"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"EventTypeRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"EventType"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"declared"}},{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"validation"}},{"kind":"Field","name":{"kind":"Name","value":"deprecatedAt"}},{"kind":"Field","name":{"kind":"Name","value":"lastPublishedAt"}},{"kind":"Field","name":{"kind":"Name","value":"lastViolationAt"}},{"kind":"Field","name":{"kind":"Name","value":"webhookCount"}}]}}]} as unknown as DocumentNode<EventTypesQuery, EventTypesQueryVariables>;
export const EventTypeDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"EventType"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"name"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"eventType"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"name"},"value":{"kind":"Variable","name":{"kind":"Name","value":"name"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"EventTypeRow"}},{"kind":"Field","alias":{"kind":"Name","value":"exactSchema"},"name":{"kind":"Name","value":"schema"}},{"kind":"Field","alias":{"kind":"Name","value":"exactExample"},"name":{"kind":"Name","value":"example"}},{"kind":"Field","name":{"kind":"Name","value":"lastViolation"}},{"kind":"Field","name":{"kind":"Name","value":"webhooks"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"100"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"WebhookRow"}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"stats"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"range"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"from"},"value":{"kind":"StringValue","value":"-P7D","block":false}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"totals"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"events"}}]}},{"kind":"Field","name":{"kind":"Name","value":"series"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"bucketMs"},"value":{"kind":"IntValue","value":"21600000"}},{"kind":"Argument","name":{"kind":"Name","value":"limit"},"value":{"kind":"IntValue","value":"29"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"from"}},{"kind":"Field","name":{"kind":"Name","value":"values"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"events"}}]}}]}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"EventTypeRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"EventType"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"declared"}},{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"validation"}},{"kind":"Field","name":{"kind":"Name","value":"deprecatedAt"}},{"kind":"Field","name":{"kind":"Name","value":"lastPublishedAt"}},{"kind":"Field","name":{"kind":"Name","value":"lastViolationAt"}},{"kind":"Field","name":{"kind":"Name","value":"webhookCount"}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"WebhookRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Webhook"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"url"}},{"kind":"Field","name":{"kind":"Name","value":"events"}},{"kind":"Field","name":{"kind":"Name","value":"enabled"}},{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"disabledReason"}},{"kind":"Field","name":{"kind":"Name","value":"failingSince"}}]}}]} as unknown as DocumentNode<EventTypeQuery, EventTypeQueryVariables>;
export const PutEventTypeDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"PutEventType"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"PutEventTypeInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"putEventType"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"eventType"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"field"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<PutEventTypeMutation, PutEventTypeMutationVariables>;
export const DeleteEventTypeDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"DeleteEventType"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"name"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"deleteEventType"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"name"},"value":{"kind":"Variable","name":{"kind":"Name","value":"name"}}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"deletedEventTypeId"}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<DeleteEventTypeMutation, DeleteEventTypeMutationVariables>;
export const ImportEventTypesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"ImportEventTypes"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ImportEventTypesInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"importEventTypes"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"changes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"fields"}},{"kind":"Field","name":{"kind":"Name","value":"webhookCount"}},{"kind":"Field","name":{"kind":"Name","value":"failingEvents"}},{"kind":"Field","name":{"kind":"Name","value":"violation"}}]}},{"kind":"Field","name":{"kind":"Name","value":"unchangedCount"}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<ImportEventTypesMutation, ImportEventTypesMutationVariables>;
export const EventsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Events"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"EventFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"first"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"events"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"Variable","name":{"kind":"Name","value":"first"}}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"EventRow"}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}},{"kind":"Field","name":{"kind":"Name","value":"searchedTo"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"FanOut"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DeliveryConnection"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"facets"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"limit"},"value":{"kind":"IntValue","value":"100"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"statuses"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"value"}},{"kind":"Field","name":{"kind":"Name","value":"count"}}]}},{"kind":"Field","name":{"kind":"Name","value":"precision"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"EventRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Event"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"tags"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"1"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"FanOut"}}]}}]}}]} as unknown as DocumentNode<EventsQuery, EventsQueryVariables>;
export const EventDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Event"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"event"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"timestamp"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"idempotencyKey"}},{"kind":"Field","name":{"kind":"Name","value":"deliverAt"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}},{"kind":"Field","name":{"kind":"Name","value":"traceparent"}},{"kind":"Field","name":{"kind":"Name","value":"tags"}},{"kind":"Field","name":{"kind":"Name","value":"test"}},{"kind":"Field","alias":{"kind":"Name","value":"exactData"},"name":{"kind":"Name","value":"data"}},{"kind":"Field","name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"100"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"DeliveryRow"}},{"kind":"Field","name":{"kind":"Name","value":"lastAttempt"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"AttemptSummary"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}}]}},{"kind":"FragmentSpread","name":{"kind":"Name","value":"FanOut"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"DeliveryRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Delivery"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"attemptCount"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"completedAt"}},{"kind":"Field","name":{"kind":"Name","value":"nextAttemptAt"}},{"kind":"Field","name":{"kind":"Name","value":"webhookId"}},{"kind":"Field","name":{"kind":"Name","value":"webhookUrl"}},{"kind":"Field","name":{"kind":"Name","value":"event"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"tags"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"AttemptSummary"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DeliveryAttempt"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"number"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"error"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"durationMs"}},{"kind":"Field","name":{"kind":"Name","value":"response"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"FanOut"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DeliveryConnection"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"facets"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"limit"},"value":{"kind":"IntValue","value":"100"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"statuses"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"value"}},{"kind":"Field","name":{"kind":"Name","value":"count"}}]}},{"kind":"Field","name":{"kind":"Name","value":"precision"}}]}}]}}]} as unknown as DocumentNode<EventQuery, EventQueryVariables>;
export const MatchesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Matches"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"event"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"matches"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"100"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"webhook"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"url"}}]}},{"kind":"Field","name":{"kind":"Name","value":"outcome"}},{"kind":"Field","name":{"kind":"Name","value":"reason"}},{"kind":"Field","name":{"kind":"Name","value":"settingsChangedSince"}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}}]}}]}}]}}]}}]} as unknown as DocumentNode<MatchesQuery, MatchesQueryVariables>;
export const SchemaErrorsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"SchemaErrors"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"event"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"schemaErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"path"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<SchemaErrorsQuery, SchemaErrorsQueryVariables>;
export const PublishEventDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"PublishEvent"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"PublishEventInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"publishEvent"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"event"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"Field","name":{"kind":"Name","value":"duplicate"}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"field"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<PublishEventMutation, PublishEventMutationVariables>;
export const JumpDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Jump"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"text"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"search"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"text"},"value":{"kind":"Variable","name":{"kind":"Name","value":"text"}}},{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"10"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Webhook"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"url"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Event"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Delivery"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"webhookUrl"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Tenant"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]}}]}}]} as unknown as DocumentNode<JumpQuery, JumpQueryVariables>;
export const JumpToOtherDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"JumpToOther"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"attempt"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"delivery"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"replay"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}}]}}]} as unknown as DocumentNode<JumpToOtherQuery, JumpToOtherQueryVariables>;
export const TenantsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Tenants"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"name"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"tenants"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"20"}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"name"},"value":{"kind":"Variable","name":{"kind":"Name","value":"name"}}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]}}]}}]} as unknown as DocumentNode<TenantsQuery, TenantsQueryVariables>;
export const ViewerDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Viewer"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"viewer"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"operator"}},{"kind":"Field","name":{"kind":"Name","value":"tenant"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"token"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"scopes"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}}]}}]}}]}}]} as unknown as DocumentNode<ViewerQuery, ViewerQueryVariables>;
export const HomeDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Home"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"range"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"TimeRange"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"before"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"TimeRange"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"now"},"name":{"kind":"Name","value":"stats"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"range"},"value":{"kind":"Variable","name":{"kind":"Name","value":"range"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"HomeStats"}}]}},{"kind":"Field","alias":{"kind":"Name","value":"before"},"name":{"kind":"Name","value":"stats"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"range"},"value":{"kind":"Variable","name":{"kind":"Name","value":"before"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"totals"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"HomeValues"}}]}}]}},{"kind":"Field","alias":{"kind":"Name","value":"delivered"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"1"}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"SUCCEEDED"}]}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"HomeValues"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"StatsValues"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"events"}},{"kind":"Field","alias":{"kind":"Name","value":"succeeded"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"SUCCEEDED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"failed"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"FAILED"}]}}]},{"kind":"Field","name":{"kind":"Name","value":"successRate"}},{"kind":"Field","alias":{"kind":"Name","value":"p95"},"name":{"kind":"Name","value":"latencyMs"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"quantile"},"value":{"kind":"FloatValue","value":"0.95"}}]}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"ChartBucket"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"StatsBucket"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"from"}},{"kind":"Field","name":{"kind":"Name","value":"to"}},{"kind":"Field","name":{"kind":"Name","value":"values"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"created"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"PENDING"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"succeeded"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"SUCCEEDED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"failed"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"FAILED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"canceled"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"CANCELED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"p50"},"name":{"kind":"Name","value":"latencyMs"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"quantile"},"value":{"kind":"FloatValue","value":"0.5"}}]},{"kind":"Field","alias":{"kind":"Name","value":"p95"},"name":{"kind":"Name","value":"latencyMs"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"quantile"},"value":{"kind":"FloatValue","value":"0.95"}}]},{"kind":"Field","alias":{"kind":"Name","value":"p99"},"name":{"kind":"Name","value":"latencyMs"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"quantile"},"value":{"kind":"FloatValue","value":"0.99"}}]}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"HomeStats"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Stats"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"from"}},{"kind":"Field","name":{"kind":"Name","value":"asOf"}},{"kind":"Field","name":{"kind":"Name","value":"totals"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"HomeValues"}}]}},{"kind":"Field","name":{"kind":"Name","value":"series"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"limit"},"value":{"kind":"IntValue","value":"60"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"ChartBucket"}}]}},{"kind":"Field","name":{"kind":"Name","value":"backlog"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"due"}},{"kind":"Field","name":{"kind":"Name","value":"held"}},{"kind":"Field","name":{"kind":"Name","value":"oldestDueAt"}}]}},{"kind":"Field","alias":{"kind":"Name","value":"errors"},"name":{"kind":"Name","value":"by"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"dimension"},"value":{"kind":"EnumValue","value":"ATTEMPT_ERROR"}},{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"5"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"groups"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"key"}},{"kind":"Field","name":{"kind":"Name","value":"values"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"attempts"}}]}}]}}]}},{"kind":"Field","alias":{"kind":"Name","value":"webhooks"},"name":{"kind":"Name","value":"by"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"dimension"},"value":{"kind":"EnumValue","value":"WEBHOOK"}},{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"5"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"groups"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"key"}},{"kind":"Field","name":{"kind":"Name","value":"webhook"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"url"}}]}},{"kind":"Field","name":{"kind":"Name","value":"values"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"attempts"}},{"kind":"Field","alias":{"kind":"Name","value":"failed"},"name":{"kind":"Name","value":"attempts"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"FAILED"}]}}]},{"kind":"Field","name":{"kind":"Name","value":"successRate"}}]}}]}}]}}]}}]} as unknown as DocumentNode<HomeQuery, HomeQueryVariables>;
export const FirstStepsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"FirstSteps"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"server"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"testReceiverUrl"}}]}},{"kind":"Field","name":{"kind":"Name","value":"webhooks"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"1"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"url"}},{"kind":"Field","alias":{"kind":"Name","value":"failed"},"name":{"kind":"Name","value":"attempts"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"1"}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"FAILED"}]}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"delivery"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}}]}}]}}]}},{"kind":"Field","alias":{"kind":"Name","value":"delivered"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"1"}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"SUCCEEDED"}]}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}}]}}]}}]} as unknown as DocumentNode<FirstStepsQuery, FirstStepsQueryVariables>;
export const WatchNumbersDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"WatchNumbers"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"range"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"TimeRange"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"stats"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"range"},"value":{"kind":"Variable","name":{"kind":"Name","value":"range"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"HomeStats"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"HomeValues"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"StatsValues"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"events"}},{"kind":"Field","alias":{"kind":"Name","value":"succeeded"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"SUCCEEDED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"failed"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"FAILED"}]}}]},{"kind":"Field","name":{"kind":"Name","value":"successRate"}},{"kind":"Field","alias":{"kind":"Name","value":"p95"},"name":{"kind":"Name","value":"latencyMs"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"quantile"},"value":{"kind":"FloatValue","value":"0.95"}}]}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"ChartBucket"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"StatsBucket"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"from"}},{"kind":"Field","name":{"kind":"Name","value":"to"}},{"kind":"Field","name":{"kind":"Name","value":"values"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"created"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"PENDING"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"succeeded"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"SUCCEEDED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"failed"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"FAILED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"canceled"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"CANCELED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"p50"},"name":{"kind":"Name","value":"latencyMs"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"quantile"},"value":{"kind":"FloatValue","value":"0.5"}}]},{"kind":"Field","alias":{"kind":"Name","value":"p95"},"name":{"kind":"Name","value":"latencyMs"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"quantile"},"value":{"kind":"FloatValue","value":"0.95"}}]},{"kind":"Field","alias":{"kind":"Name","value":"p99"},"name":{"kind":"Name","value":"latencyMs"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"quantile"},"value":{"kind":"FloatValue","value":"0.99"}}]}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"HomeStats"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Stats"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"from"}},{"kind":"Field","name":{"kind":"Name","value":"asOf"}},{"kind":"Field","name":{"kind":"Name","value":"totals"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"HomeValues"}}]}},{"kind":"Field","name":{"kind":"Name","value":"series"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"limit"},"value":{"kind":"IntValue","value":"60"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"ChartBucket"}}]}},{"kind":"Field","name":{"kind":"Name","value":"backlog"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"due"}},{"kind":"Field","name":{"kind":"Name","value":"held"}},{"kind":"Field","name":{"kind":"Name","value":"oldestDueAt"}}]}},{"kind":"Field","alias":{"kind":"Name","value":"errors"},"name":{"kind":"Name","value":"by"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"dimension"},"value":{"kind":"EnumValue","value":"ATTEMPT_ERROR"}},{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"5"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"groups"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"key"}},{"kind":"Field","name":{"kind":"Name","value":"values"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"attempts"}}]}}]}}]}},{"kind":"Field","alias":{"kind":"Name","value":"webhooks"},"name":{"kind":"Name","value":"by"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"dimension"},"value":{"kind":"EnumValue","value":"WEBHOOK"}},{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"5"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"groups"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"key"}},{"kind":"Field","name":{"kind":"Name","value":"webhook"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"url"}}]}},{"kind":"Field","name":{"kind":"Name","value":"values"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"attempts"}},{"kind":"Field","alias":{"kind":"Name","value":"failed"},"name":{"kind":"Name","value":"attempts"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"FAILED"}]}}]},{"kind":"Field","name":{"kind":"Name","value":"successRate"}}]}}]}}]}}]}}]} as unknown as DocumentNode<WatchNumbersSubscription, WatchNumbersSubscriptionVariables>;
export const WatchTotalsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"WatchTotals"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"range"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"TimeRange"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"stats"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"range"},"value":{"kind":"Variable","name":{"kind":"Name","value":"range"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"totals"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"HomeValues"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"HomeValues"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"StatsValues"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"events"}},{"kind":"Field","alias":{"kind":"Name","value":"succeeded"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"SUCCEEDED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"failed"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"FAILED"}]}}]},{"kind":"Field","name":{"kind":"Name","value":"successRate"}},{"kind":"Field","alias":{"kind":"Name","value":"p95"},"name":{"kind":"Name","value":"latencyMs"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"quantile"},"value":{"kind":"FloatValue","value":"0.95"}}]}]}}]} as unknown as DocumentNode<WatchTotalsSubscription, WatchTotalsSubscriptionVariables>;
export const WatchFailingTenantsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"WatchFailingTenants"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"range"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"TimeRange"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"stats"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"range"},"value":{"kind":"Variable","name":{"kind":"Name","value":"range"}}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"allTenants"},"value":{"kind":"BooleanValue","value":true}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"by"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"dimension"},"value":{"kind":"EnumValue","value":"TENANT"}},{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"10"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"groups"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"key"}},{"kind":"Field","name":{"kind":"Name","value":"tenant"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"values"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"attempts"}},{"kind":"Field","alias":{"kind":"Name","value":"failed"},"name":{"kind":"Name","value":"attempts"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"FAILED"}]}}]}]}}]}}]}}]}}]}}]} as unknown as DocumentNode<WatchFailingTenantsSubscription, WatchFailingTenantsSubscriptionVariables>;
export const OpenIssuesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"OpenIssues"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"IssueFilter"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"attempts"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Boolean"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"issues"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"10"}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"IssueRow"}},{"kind":"FragmentSpread","name":{"kind":"Name","value":"IssueAttempt"},"directives":[{"kind":"Directive","name":{"kind":"Name","value":"include"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"if"},"value":{"kind":"Variable","name":{"kind":"Name","value":"attempts"}}}]}]}]}},{"kind":"Field","name":{"kind":"Name","value":"count"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"limit"},"value":{"kind":"IntValue","value":"100"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"count"}},{"kind":"Field","name":{"kind":"Name","value":"precision"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"IssueRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Issue"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"title"}},{"kind":"Field","name":{"kind":"Name","value":"advice"}},{"kind":"Field","name":{"kind":"Name","value":"eventType"}},{"kind":"Field","name":{"kind":"Name","value":"quota"}},{"kind":"Field","name":{"kind":"Name","value":"webhookId"}},{"kind":"Field","name":{"kind":"Name","value":"webhook"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"url"}}]}},{"kind":"Field","name":{"kind":"Name","value":"count"}},{"kind":"Field","name":{"kind":"Name","value":"firstSeenAt"}},{"kind":"Field","name":{"kind":"Name","value":"lastSeenAt"}},{"kind":"Field","name":{"kind":"Name","value":"acknowledgedAt"}},{"kind":"Field","name":{"kind":"Name","value":"acknowledgedBy"}},{"kind":"Field","name":{"kind":"Name","value":"disablesAt"}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"IssueAttempt"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Issue"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"lastAttempt"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"delivery"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}}]}}]}}]} as unknown as DocumentNode<OpenIssuesQuery, OpenIssuesQueryVariables>;
export const IssuesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Issues"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"IssueFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"allTenants"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Boolean"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"issues"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"50"}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}},{"kind":"Argument","name":{"kind":"Name","value":"allTenants"},"value":{"kind":"Variable","name":{"kind":"Name","value":"allTenants"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"IssueRow"}},{"kind":"Field","name":{"kind":"Name","value":"tenant"},"directives":[{"kind":"Directive","name":{"kind":"Name","value":"include"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"if"},"value":{"kind":"Variable","name":{"kind":"Name","value":"allTenants"}}}]}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"FragmentSpread","name":{"kind":"Name","value":"IssueAttempt"}},{"kind":"Field","name":{"kind":"Name","value":"resolvedAt"}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}},{"kind":"Field","name":{"kind":"Name","value":"searchedTo"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"IssueRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Issue"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"title"}},{"kind":"Field","name":{"kind":"Name","value":"advice"}},{"kind":"Field","name":{"kind":"Name","value":"eventType"}},{"kind":"Field","name":{"kind":"Name","value":"quota"}},{"kind":"Field","name":{"kind":"Name","value":"webhookId"}},{"kind":"Field","name":{"kind":"Name","value":"webhook"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"url"}}]}},{"kind":"Field","name":{"kind":"Name","value":"count"}},{"kind":"Field","name":{"kind":"Name","value":"firstSeenAt"}},{"kind":"Field","name":{"kind":"Name","value":"lastSeenAt"}},{"kind":"Field","name":{"kind":"Name","value":"acknowledgedAt"}},{"kind":"Field","name":{"kind":"Name","value":"acknowledgedBy"}},{"kind":"Field","name":{"kind":"Name","value":"disablesAt"}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"IssueAttempt"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Issue"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"lastAttempt"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"delivery"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}}]}}]}}]} as unknown as DocumentNode<IssuesQuery, IssuesQueryVariables>;
export const WatchIssuesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"WatchIssues"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"allTenants"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Boolean"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"issues"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"allTenants"},"value":{"kind":"Variable","name":{"kind":"Name","value":"allTenants"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"first"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}}]}}]}}]} as unknown as DocumentNode<WatchIssuesSubscription, WatchIssuesSubscriptionVariables>;
export const AcknowledgeIssueDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"AcknowledgeIssue"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"acknowledgeIssue"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"issue"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"IssueRow"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"IssueRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Issue"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"title"}},{"kind":"Field","name":{"kind":"Name","value":"advice"}},{"kind":"Field","name":{"kind":"Name","value":"eventType"}},{"kind":"Field","name":{"kind":"Name","value":"quota"}},{"kind":"Field","name":{"kind":"Name","value":"webhookId"}},{"kind":"Field","name":{"kind":"Name","value":"webhook"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"url"}}]}},{"kind":"Field","name":{"kind":"Name","value":"count"}},{"kind":"Field","name":{"kind":"Name","value":"firstSeenAt"}},{"kind":"Field","name":{"kind":"Name","value":"lastSeenAt"}},{"kind":"Field","name":{"kind":"Name","value":"acknowledgedAt"}},{"kind":"Field","name":{"kind":"Name","value":"acknowledgedBy"}},{"kind":"Field","name":{"kind":"Name","value":"disablesAt"}}]}}]} as unknown as DocumentNode<AcknowledgeIssueMutation, AcknowledgeIssueMutationVariables>;
export const TokensDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Tokens"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"TokenFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"allTenants"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Boolean"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"tokens"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"50"}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}},{"kind":"Argument","name":{"kind":"Name","value":"allTenants"},"value":{"kind":"Variable","name":{"kind":"Name","value":"allTenants"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"prefix"}},{"kind":"Field","name":{"kind":"Name","value":"scopes"}},{"kind":"Field","name":{"kind":"Name","value":"tenant"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}},{"kind":"Field","name":{"kind":"Name","value":"lastUsedAt"}},{"kind":"Field","name":{"kind":"Name","value":"revokedAt"}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}},{"kind":"Field","name":{"kind":"Name","value":"searchedTo"}}]}}]}}]}}]} as unknown as DocumentNode<TokensQuery, TokensQueryVariables>;
export const CreateTokenDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CreateToken"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"CreateTokenInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"createToken"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"token"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"Field","name":{"kind":"Name","value":"credential"}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"field"}}]}}]}}]}}]} as unknown as DocumentNode<CreateTokenMutation, CreateTokenMutationVariables>;
export const RevokeTokenDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"RevokeToken"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"revokeToken"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"token"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"revokedAt"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<RevokeTokenMutation, RevokeTokenMutationVariables>;
export const OperateTenantsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"OperateTenants"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"TenantFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"tenants"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"20"}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"retentionMs"}},{"kind":"Field","name":{"kind":"Name","value":"quotas"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"webhooks"}},{"kind":"Field","name":{"kind":"Name","value":"tokens"}},{"kind":"Field","name":{"kind":"Name","value":"portalSessions"}},{"kind":"Field","name":{"kind":"Name","value":"storedEvents"}},{"kind":"Field","name":{"kind":"Name","value":"eventsPerSecond"}},{"kind":"Field","name":{"kind":"Name","value":"eventBurst"}}]}},{"kind":"Field","name":{"kind":"Name","value":"usage"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"webhooks"}},{"kind":"Field","name":{"kind":"Name","value":"storedEvents"}},{"kind":"Field","name":{"kind":"Name","value":"backlog"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"due"}},{"kind":"Field","name":{"kind":"Name","value":"held"}}]}},{"kind":"Field","name":{"kind":"Name","value":"stats"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"range"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"from"},"value":{"kind":"StringValue","value":"-PT24H","block":false}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"totals"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"events"}},{"kind":"Field","alias":{"kind":"Name","value":"succeeded"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"SUCCEEDED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"failed"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"FAILED"}]}}]},{"kind":"Field","name":{"kind":"Name","value":"successRate"}},{"kind":"Field","alias":{"kind":"Name","value":"p95"},"name":{"kind":"Name","value":"latencyMs"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"quantile"},"value":{"kind":"FloatValue","value":"0.95"}}]}]}}]}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}},{"kind":"Field","name":{"kind":"Name","value":"searchedTo"}}]}}]}}]}}]} as unknown as DocumentNode<OperateTenantsQuery, OperateTenantsQueryVariables>;
export const OperateServerDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"OperateServer"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"server"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"version"}},{"kind":"Field","name":{"kind":"Name","value":"retentionMs"}},{"kind":"Field","name":{"kind":"Name","value":"keepFailedMs"}},{"kind":"Field","name":{"kind":"Name","value":"deliveryMaxAgeMs"}},{"kind":"Field","name":{"kind":"Name","value":"auditRetentionMs"}},{"kind":"Field","name":{"kind":"Name","value":"timeoutMs"}},{"kind":"Field","name":{"kind":"Name","value":"retryScheduleMs"}},{"kind":"Field","name":{"kind":"Name","value":"limits"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"dataBytes"}},{"kind":"Field","name":{"kind":"Name","value":"events"}},{"kind":"Field","name":{"kind":"Name","value":"pageSize"}},{"kind":"Field","name":{"kind":"Name","value":"nodes"}},{"kind":"Field","name":{"kind":"Name","value":"operationCost"}},{"kind":"Field","name":{"kind":"Name","value":"responseBytes"}},{"kind":"Field","name":{"kind":"Name","value":"retries"}},{"kind":"Field","name":{"kind":"Name","value":"retryDelayMs"}},{"kind":"Field","name":{"kind":"Name","value":"minTimeoutMs"}},{"kind":"Field","name":{"kind":"Name","value":"maxTimeoutMs"}},{"kind":"Field","name":{"kind":"Name","value":"ratePerSecond"}}]}}]}}]}}]} as unknown as DocumentNode<OperateServerQuery, OperateServerQueryVariables>;
export const ServerChecksDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"ServerChecks"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"fresh"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Boolean"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"server"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"checks"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"fresh"},"value":{"kind":"Variable","name":{"kind":"Name","value":"fresh"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"found"}},{"kind":"Field","name":{"kind":"Name","value":"means"}},{"kind":"Field","name":{"kind":"Name","value":"remedy"}},{"kind":"Field","name":{"kind":"Name","value":"notLookedAt"}},{"kind":"Field","name":{"kind":"Name","value":"checkedAt"}}]}}]}}]}}]} as unknown as DocumentNode<ServerChecksQuery, ServerChecksQueryVariables>;
export const WatchServerDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"WatchServer"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"server"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"number"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"responds"}},{"kind":"Field","name":{"kind":"Name","value":"host"}},{"kind":"Field","name":{"kind":"Name","value":"version"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"lastSeenAt"}},{"kind":"Field","name":{"kind":"Name","value":"endedAt"}},{"kind":"Field","name":{"kind":"Name","value":"claimedDeliveries"}}]}},{"kind":"Field","name":{"kind":"Name","value":"tasks"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"exclusive"}},{"kind":"Field","name":{"kind":"Name","value":"intervalMs"}},{"kind":"Field","name":{"kind":"Name","value":"running"}},{"kind":"Field","name":{"kind":"Name","value":"runs"}},{"kind":"Field","name":{"kind":"Name","value":"passed"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"durationMs"}},{"kind":"Field","name":{"kind":"Name","value":"error"}},{"kind":"Field","name":{"kind":"Name","value":"failuresInARow"}}]}}]}}]}}]} as unknown as DocumentNode<WatchServerSubscription, WatchServerSubscriptionVariables>;
export const WatchAuditLogDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"WatchAuditLog"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"allTenants"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Boolean"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"auditLog"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"allTenants"},"value":{"kind":"Variable","name":{"kind":"Name","value":"allTenants"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"newest"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}}]}}]}}]} as unknown as DocumentNode<WatchAuditLogSubscription, WatchAuditLogSubscriptionVariables>;
export const AuditLogDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"AuditLog"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"AuditEntryFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"allTenants"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Boolean"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"auditLog"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"50"}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}},{"kind":"Argument","name":{"kind":"Name","value":"allTenants"},"value":{"kind":"Variable","name":{"kind":"Name","value":"allTenants"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"at"}},{"kind":"Field","name":{"kind":"Name","value":"actor"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"tokenId"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"action"}},{"kind":"Field","name":{"kind":"Name","value":"objectType"}},{"kind":"Field","name":{"kind":"Name","value":"objectId"}},{"kind":"Field","name":{"kind":"Name","value":"tenantId"}},{"kind":"Field","name":{"kind":"Name","value":"tenant"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"changes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"field"}},{"kind":"Field","alias":{"kind":"Name","value":"exactBefore"},"name":{"kind":"Name","value":"before"}},{"kind":"Field","alias":{"kind":"Name","value":"exactAfter"},"name":{"kind":"Name","value":"after"}}]}},{"kind":"Field","name":{"kind":"Name","value":"address"}},{"kind":"Field","name":{"kind":"Name","value":"requestId"}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}},{"kind":"Field","name":{"kind":"Name","value":"searchedTo"}}]}}]}}]}}]} as unknown as DocumentNode<AuditLogQuery, AuditLogQueryVariables>;
export const PortalSessionsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"PortalSessions"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"PortalSessionFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"allTenants"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Boolean"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"portalSessions"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"50"}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}},{"kind":"Argument","name":{"kind":"Name","value":"allTenants"},"value":{"kind":"Variable","name":{"kind":"Name","value":"allTenants"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"label"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"scopes"}},{"kind":"Field","name":{"kind":"Name","value":"tenant"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"startPath"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}},{"kind":"Field","name":{"kind":"Name","value":"openedAt"}},{"kind":"Field","name":{"kind":"Name","value":"endsAt"}},{"kind":"Field","name":{"kind":"Name","value":"lastUsedAt"}},{"kind":"Field","name":{"kind":"Name","value":"revokedAt"}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}},{"kind":"Field","name":{"kind":"Name","value":"searchedTo"}}]}}]}}]}}]} as unknown as DocumentNode<PortalSessionsQuery, PortalSessionsQueryVariables>;
export const CreatePortalLinkDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CreatePortalLink"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"CreatePortalLinkInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"createPortalLink"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"url"}},{"kind":"Field","name":{"kind":"Name","value":"portalSession"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"field"}}]}}]}}]}}]} as unknown as DocumentNode<CreatePortalLinkMutation, CreatePortalLinkMutationVariables>;
export const RevokePortalSessionDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"RevokePortalSession"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"revokePortalSession"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"portalSession"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"revokedAt"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<RevokePortalSessionMutation, RevokePortalSessionMutationVariables>;
export const ReplaysDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Replays"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"replays"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"20"}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"ReplayRow"}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}},{"kind":"Field","name":{"kind":"Name","value":"searchedTo"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"ReplayRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Replay"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"note"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"ratePerSecond"}},{"kind":"Field","name":{"kind":"Name","value":"total"}},{"kind":"Field","name":{"kind":"Name","value":"matched"}},{"kind":"Field","name":{"kind":"Name","value":"started"}},{"kind":"Field","name":{"kind":"Name","value":"succeeded"}},{"kind":"Field","name":{"kind":"Name","value":"failed"}},{"kind":"Field","name":{"kind":"Name","value":"skipped"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"completedAt"}},{"kind":"Field","name":{"kind":"Name","value":"estimatedCompletionAt"}}]}}]} as unknown as DocumentNode<ReplaysQuery, ReplaysQueryVariables>;
export const ReplayDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Replay"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"replay"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"ReplayRow"}},{"kind":"Field","alias":{"kind":"Name","value":"exactFilter"},"name":{"kind":"Name","value":"filter"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"ReplayRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Replay"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"note"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"ratePerSecond"}},{"kind":"Field","name":{"kind":"Name","value":"total"}},{"kind":"Field","name":{"kind":"Name","value":"matched"}},{"kind":"Field","name":{"kind":"Name","value":"started"}},{"kind":"Field","name":{"kind":"Name","value":"succeeded"}},{"kind":"Field","name":{"kind":"Name","value":"failed"}},{"kind":"Field","name":{"kind":"Name","value":"skipped"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"completedAt"}},{"kind":"Field","name":{"kind":"Name","value":"estimatedCompletionAt"}}]}}]} as unknown as DocumentNode<ReplayQuery, ReplayQueryVariables>;
export const ReplayWebhooksDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"ReplayWebhooks"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"ids"}},"type":{"kind":"NonNullType","type":{"kind":"ListType","type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"ids"},"value":{"kind":"Variable","name":{"kind":"Name","value":"ids"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Webhook"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"url"}}]}}]}}]}}]} as unknown as DocumentNode<ReplayWebhooksQuery, ReplayWebhooksQueryVariables>;
export const ReplayPreviewDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"ReplayPreview"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ReplayInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"replayPreview"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"deliveries"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"count"}},{"kind":"Field","name":{"kind":"Name","value":"precision"}}]}},{"kind":"Field","name":{"kind":"Name","value":"byWebhook"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"webhookId"}},{"kind":"Field","name":{"kind":"Name","value":"webhook"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"url"}}]}},{"kind":"Field","name":{"kind":"Name","value":"count"}}]}},{"kind":"Field","name":{"kind":"Name","value":"samples"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"DeliveryRow"}},{"kind":"Field","name":{"kind":"Name","value":"lastAttempt"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"AttemptSummary"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"field"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"DeliveryRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Delivery"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"attemptCount"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"completedAt"}},{"kind":"Field","name":{"kind":"Name","value":"nextAttemptAt"}},{"kind":"Field","name":{"kind":"Name","value":"webhookId"}},{"kind":"Field","name":{"kind":"Name","value":"webhookUrl"}},{"kind":"Field","name":{"kind":"Name","value":"event"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"tags"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"AttemptSummary"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DeliveryAttempt"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"number"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"error"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"durationMs"}},{"kind":"Field","name":{"kind":"Name","value":"response"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}}]} as unknown as DocumentNode<ReplayPreviewQuery, ReplayPreviewQueryVariables>;
export const WatchReplayDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"WatchReplay"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"replayProgress"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"ReplayRow"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"ReplayRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Replay"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"note"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"ratePerSecond"}},{"kind":"Field","name":{"kind":"Name","value":"total"}},{"kind":"Field","name":{"kind":"Name","value":"matched"}},{"kind":"Field","name":{"kind":"Name","value":"started"}},{"kind":"Field","name":{"kind":"Name","value":"succeeded"}},{"kind":"Field","name":{"kind":"Name","value":"failed"}},{"kind":"Field","name":{"kind":"Name","value":"skipped"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"completedAt"}},{"kind":"Field","name":{"kind":"Name","value":"estimatedCompletionAt"}}]}}]} as unknown as DocumentNode<WatchReplaySubscription, WatchReplaySubscriptionVariables>;
export const ChooseWebhookDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"ChooseWebhook"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"text"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"webhooks"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"10"}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"text"},"value":{"kind":"Variable","name":{"kind":"Name","value":"text"}}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"url"}},{"kind":"Field","name":{"kind":"Name","value":"description"}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}}]}}]}}]}}]} as unknown as DocumentNode<ChooseWebhookQuery, ChooseWebhookQueryVariables>;
export const ReplayDeliveriesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"ReplayDeliveries"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ReplayInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"replayDeliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"replay"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"field"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<ReplayDeliveriesMutation, ReplayDeliveriesMutationVariables>;
export const CancelDeliveriesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CancelDeliveries"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"CancelDeliveriesInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cancelDeliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"replay"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"field"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<CancelDeliveriesMutation, CancelDeliveriesMutationVariables>;
export const UpdateReplayDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"UpdateReplay"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"UpdateReplayInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"updateReplay"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"replay"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"ReplayRow"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"ReplayRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Replay"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"note"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"ratePerSecond"}},{"kind":"Field","name":{"kind":"Name","value":"total"}},{"kind":"Field","name":{"kind":"Name","value":"matched"}},{"kind":"Field","name":{"kind":"Name","value":"started"}},{"kind":"Field","name":{"kind":"Name","value":"succeeded"}},{"kind":"Field","name":{"kind":"Name","value":"failed"}},{"kind":"Field","name":{"kind":"Name","value":"skipped"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"completedAt"}},{"kind":"Field","name":{"kind":"Name","value":"estimatedCompletionAt"}}]}}]} as unknown as DocumentNode<UpdateReplayMutation, UpdateReplayMutationVariables>;
export const CancelReplayDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CancelReplay"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cancelReplay"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"replay"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"ReplayRow"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"ReplayRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Replay"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"note"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"ratePerSecond"}},{"kind":"Field","name":{"kind":"Name","value":"total"}},{"kind":"Field","name":{"kind":"Name","value":"matched"}},{"kind":"Field","name":{"kind":"Name","value":"started"}},{"kind":"Field","name":{"kind":"Name","value":"succeeded"}},{"kind":"Field","name":{"kind":"Name","value":"failed"}},{"kind":"Field","name":{"kind":"Name","value":"skipped"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"completedAt"}},{"kind":"Field","name":{"kind":"Name","value":"estimatedCompletionAt"}}]}}]} as unknown as DocumentNode<CancelReplayMutation, CancelReplayMutationVariables>;
export const WebhooksDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Webhooks"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"WebhookFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"webhooks"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"50"}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"WebhookRow"}},{"kind":"FragmentSpread","name":{"kind":"Name","value":"WebhookHealth"}},{"kind":"Field","name":{"kind":"Name","value":"stats"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"range"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"from"},"value":{"kind":"StringValue","value":"-PT24H","block":false}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"series"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"bucketMs"},"value":{"kind":"IntValue","value":"3600000"}},{"kind":"Argument","name":{"kind":"Name","value":"limit"},"value":{"kind":"IntValue","value":"25"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"from"}},{"kind":"Field","name":{"kind":"Name","value":"values"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"succeeded"},"name":{"kind":"Name","value":"attempts"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"SUCCEEDED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"failed"},"name":{"kind":"Name","value":"attempts"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"FAILED"}]}}]}]}}]}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}},{"kind":"Field","name":{"kind":"Name","value":"searchedTo"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"WebhookRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Webhook"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"url"}},{"kind":"Field","name":{"kind":"Name","value":"events"}},{"kind":"Field","name":{"kind":"Name","value":"enabled"}},{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"disabledReason"}},{"kind":"Field","name":{"kind":"Name","value":"failingSince"}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"WebhookHealth"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Webhook"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"health"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"successRate"}},{"kind":"Field","name":{"kind":"Name","value":"p95Ms"}},{"kind":"Field","name":{"kind":"Name","value":"failuresInARow"}},{"kind":"Field","name":{"kind":"Name","value":"lastSuccessAt"}},{"kind":"Field","name":{"kind":"Name","value":"disablesAt"}},{"kind":"Field","name":{"kind":"Name","value":"backlog"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"due"}},{"kind":"Field","name":{"kind":"Name","value":"held"}}]}}]}}]}}]} as unknown as DocumentNode<WebhooksQuery, WebhooksQueryVariables>;
export const WebhookDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Webhook"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"webhook"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"WebhookRow"}},{"kind":"FragmentSpread","name":{"kind":"Name","value":"WebhookHealth"}},{"kind":"Field","name":{"kind":"Name","value":"externalId"}},{"kind":"Field","name":{"kind":"Name","value":"updatedAt"}},{"kind":"Field","name":{"kind":"Name","value":"disabledAt"}},{"kind":"Field","name":{"kind":"Name","value":"retryScheduleMs"}},{"kind":"Field","name":{"kind":"Name","value":"noRetryStatuses"}},{"kind":"Field","name":{"kind":"Name","value":"timeoutMs"}},{"kind":"Field","name":{"kind":"Name","value":"ratePerSecond"}},{"kind":"Field","name":{"kind":"Name","value":"ordering"}},{"kind":"Field","name":{"kind":"Name","value":"onFailure"}},{"kind":"Field","name":{"kind":"Name","value":"sendTraceparent"}},{"kind":"FragmentSpread","name":{"kind":"Name","value":"WebhookProbes"}},{"kind":"Field","name":{"kind":"Name","value":"headers"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"value"}},{"kind":"Field","name":{"kind":"Name","value":"sensitive"}}]}},{"kind":"Field","name":{"kind":"Name","value":"secrets"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"scheme"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}},{"kind":"Field","name":{"kind":"Name","value":"publicKey"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"server"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"timeoutMs"}},{"kind":"Field","name":{"kind":"Name","value":"retryScheduleMs"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"WebhookRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Webhook"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"url"}},{"kind":"Field","name":{"kind":"Name","value":"events"}},{"kind":"Field","name":{"kind":"Name","value":"enabled"}},{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"disabledReason"}},{"kind":"Field","name":{"kind":"Name","value":"failingSince"}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"WebhookHealth"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Webhook"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"health"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"successRate"}},{"kind":"Field","name":{"kind":"Name","value":"p95Ms"}},{"kind":"Field","name":{"kind":"Name","value":"failuresInARow"}},{"kind":"Field","name":{"kind":"Name","value":"lastSuccessAt"}},{"kind":"Field","name":{"kind":"Name","value":"disablesAt"}},{"kind":"Field","name":{"kind":"Name","value":"backlog"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"due"}},{"kind":"Field","name":{"kind":"Name","value":"held"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"WebhookProbes"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Webhook"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"probe"}},{"kind":"Field","name":{"kind":"Name","value":"nextProbeAt"}},{"kind":"Field","name":{"kind":"Name","value":"probeCount"}}]}}]} as unknown as DocumentNode<WebhookQuery, WebhookQueryVariables>;
export const WebhookFailuresDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"WebhookFailures"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"webhook"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"stats"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"range"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"from"},"value":{"kind":"StringValue","value":"-PT24H","block":false}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"series"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"limit"},"value":{"kind":"IntValue","value":"48"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"ChartBucket"}}]}},{"kind":"Field","name":{"kind":"Name","value":"backlog"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"due"}},{"kind":"Field","name":{"kind":"Name","value":"held"}}]}}]}},{"kind":"Field","alias":{"kind":"Name","value":"failed"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"5"}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"FAILED"}]}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"DeliveryRow"}},{"kind":"Field","name":{"kind":"Name","value":"lastAttempt"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"AttemptSummary"}}]}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"attempts"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"20"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"AttemptSummary"}}]}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"ChartBucket"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"StatsBucket"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"from"}},{"kind":"Field","name":{"kind":"Name","value":"to"}},{"kind":"Field","name":{"kind":"Name","value":"values"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"created"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"PENDING"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"succeeded"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"SUCCEEDED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"failed"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"FAILED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"canceled"},"name":{"kind":"Name","value":"deliveries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"CANCELED"}]}}]},{"kind":"Field","alias":{"kind":"Name","value":"p50"},"name":{"kind":"Name","value":"latencyMs"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"quantile"},"value":{"kind":"FloatValue","value":"0.5"}}]},{"kind":"Field","alias":{"kind":"Name","value":"p95"},"name":{"kind":"Name","value":"latencyMs"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"quantile"},"value":{"kind":"FloatValue","value":"0.95"}}]},{"kind":"Field","alias":{"kind":"Name","value":"p99"},"name":{"kind":"Name","value":"latencyMs"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"quantile"},"value":{"kind":"FloatValue","value":"0.99"}}]}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"DeliveryRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Delivery"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"attemptCount"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"completedAt"}},{"kind":"Field","name":{"kind":"Name","value":"nextAttemptAt"}},{"kind":"Field","name":{"kind":"Name","value":"webhookId"}},{"kind":"Field","name":{"kind":"Name","value":"webhookUrl"}},{"kind":"Field","name":{"kind":"Name","value":"event"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"tags"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"AttemptSummary"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DeliveryAttempt"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"number"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"error"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"durationMs"}},{"kind":"Field","name":{"kind":"Name","value":"response"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}}]} as unknown as DocumentNode<WebhookFailuresQuery, WebhookFailuresQueryVariables>;
export const CreateWebhookDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CreateWebhook"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"CreateWebhookInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"createWebhook"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"webhook"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"WebhookRow"}}]}},{"kind":"Field","name":{"kind":"Name","value":"secret"}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"field"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"WebhookRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Webhook"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"url"}},{"kind":"Field","name":{"kind":"Name","value":"events"}},{"kind":"Field","name":{"kind":"Name","value":"enabled"}},{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"disabledReason"}},{"kind":"Field","name":{"kind":"Name","value":"failingSince"}}]}}]} as unknown as DocumentNode<CreateWebhookMutation, CreateWebhookMutationVariables>;
export const UpdateWebhookDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"UpdateWebhook"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"UpdateWebhookInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"updateWebhook"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"webhook"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"WebhookRow"}},{"kind":"Field","name":{"kind":"Name","value":"updatedAt"}},{"kind":"Field","name":{"kind":"Name","value":"disabledAt"}},{"kind":"Field","name":{"kind":"Name","value":"retryScheduleMs"}},{"kind":"Field","name":{"kind":"Name","value":"noRetryStatuses"}},{"kind":"Field","name":{"kind":"Name","value":"timeoutMs"}},{"kind":"Field","name":{"kind":"Name","value":"ratePerSecond"}},{"kind":"Field","name":{"kind":"Name","value":"ordering"}},{"kind":"Field","name":{"kind":"Name","value":"onFailure"}},{"kind":"Field","name":{"kind":"Name","value":"sendTraceparent"}},{"kind":"FragmentSpread","name":{"kind":"Name","value":"WebhookProbes"}},{"kind":"Field","name":{"kind":"Name","value":"headers"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"value"}},{"kind":"Field","name":{"kind":"Name","value":"sensitive"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"field"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"WebhookRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Webhook"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"url"}},{"kind":"Field","name":{"kind":"Name","value":"events"}},{"kind":"Field","name":{"kind":"Name","value":"enabled"}},{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"disabledReason"}},{"kind":"Field","name":{"kind":"Name","value":"failingSince"}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"WebhookProbes"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Webhook"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"probe"}},{"kind":"Field","name":{"kind":"Name","value":"nextProbeAt"}},{"kind":"Field","name":{"kind":"Name","value":"probeCount"}}]}}]} as unknown as DocumentNode<UpdateWebhookMutation, UpdateWebhookMutationVariables>;
export const DeleteWebhookDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"DeleteWebhook"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"deleteWebhook"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"deletedWebhookId"}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<DeleteWebhookMutation, DeleteWebhookMutationVariables>;
export const RotateWebhookSecretDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"RotateWebhookSecret"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"RotateWebhookSecretInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"rotateWebhookSecret"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"webhook"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"secrets"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"scheme"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}},{"kind":"Field","name":{"kind":"Name","value":"publicKey"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"secret"}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<RotateWebhookSecretMutation, RotateWebhookSecretMutationVariables>;
export const TestableTypesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"TestableTypes"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"name"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"eventTypes"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"100"}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"name"},"value":{"kind":"Variable","name":{"kind":"Name","value":"name"}}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"declared"}}]}}]}}]}}]} as unknown as DocumentNode<TestableTypesQuery, TestableTypesQueryVariables>;
export const TestWebhookDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"TestWebhook"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"TestWebhookInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"testWebhook"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"delivery"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"field"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<TestWebhookMutation, TestWebhookMutationVariables>;
export const AuthenticationOfWebhookDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"AuthenticationOfWebhook"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"webhook"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"updatedAt"}},{"kind":"Field","name":{"kind":"Name","value":"authentication"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"kinds"}},{"kind":"Field","name":{"kind":"Name","value":"basic"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"username"}}]}},{"kind":"Field","name":{"kind":"Name","value":"oauth2"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"tokenUrl"}},{"kind":"Field","name":{"kind":"Name","value":"clientId"}},{"kind":"Field","name":{"kind":"Name","value":"clientAuthentication"}},{"kind":"Field","name":{"kind":"Name","value":"scopes"}},{"kind":"Field","name":{"kind":"Name","value":"audience"}},{"kind":"Field","name":{"kind":"Name","value":"parameters"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"certificate"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"subject"}},{"kind":"Field","name":{"kind":"Name","value":"issuer"}},{"kind":"Field","name":{"kind":"Name","value":"fingerprint"}},{"kind":"Field","name":{"kind":"Name","value":"notBefore"}},{"kind":"Field","name":{"kind":"Name","value":"notAfter"}}]}}]}}]}}]}}]} as unknown as DocumentNode<AuthenticationOfWebhookQuery, AuthenticationOfWebhookQueryVariables>;
export const UpdateExactlyDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"UpdateExactly"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"UpdateWebhookInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"updateWebhook"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"webhook"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"updatedAt"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"field"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<UpdateExactlyMutation, UpdateExactlyMutationVariables>;
export const FilterOfWebhookDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"FilterOfWebhook"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"webhook"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"updatedAt"}},{"kind":"Field","name":{"kind":"Name","value":"events"}},{"kind":"Field","alias":{"kind":"Name","value":"exactFilter"},"name":{"kind":"Name","value":"filter"}}]}}]}}]} as unknown as DocumentNode<FilterOfWebhookQuery, FilterOfWebhookQueryVariables>;
export const TryFilterDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"TryFilter"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"PreviewDeliveryInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"previewDelivery"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"matches"}},{"kind":"Field","name":{"kind":"Name","value":"failedTerm"}},{"kind":"Field","name":{"kind":"Name","value":"matchedOfRecent"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"matched"}},{"kind":"Field","name":{"kind":"Name","value":"of"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"field"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<TryFilterQuery, TryFilterQueryVariables>;
export const PayloadOfWebhookDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"PayloadOfWebhook"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"webhook"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"updatedAt"}},{"kind":"Field","name":{"kind":"Name","value":"events"}},{"kind":"Field","name":{"kind":"Name","value":"payload"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"PayloadSettings"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"PayloadSettings"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"WebhookPayload"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"format"}},{"kind":"Field","name":{"kind":"Name","value":"includeFields"}},{"kind":"Field","alias":{"kind":"Name","value":"exactTemplate"},"name":{"kind":"Name","value":"template"}}]}}]} as unknown as DocumentNode<PayloadOfWebhookQuery, PayloadOfWebhookQueryVariables>;
export const TryPayloadDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"TryPayload"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"PreviewDeliveryInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"previewDelivery"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"request"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"headers"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"value"}}]}},{"kind":"Field","name":{"kind":"Name","value":"body"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"field"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<TryPayloadQuery, TryPayloadQueryVariables>;
export const NewestWantedDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"NewestWanted"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"types"}},"type":{"kind":"ListType","type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"first"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"events"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"Variable","name":{"kind":"Name","value":"first"}}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"types"},"value":{"kind":"Variable","name":{"kind":"Name","value":"types"}}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}}]}}]}}]}}]} as unknown as DocumentNode<NewestWantedQuery, NewestWantedQueryVariables>;