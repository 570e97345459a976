-- +goose Up
-- Ids are the 16 bytes of a UUID; times are microseconds since 1970 in UTC; seq is the order of commit.

CREATE TABLE store (
    epoch          TEXT NOT NULL, -- names this database
    key_id         TEXT, -- the master key that seals; NULL before the first start
    created_at     INTEGER NOT NULL,
    probes         INTEGER NOT NULL DEFAULT 0, -- grows when it is tried whether the database can be written
    pruned_attempt INTEGER NOT NULL DEFAULT 0 -- the highest seq of an attempt that retention has taken
);
INSERT INTO store (epoch, created_at) VALUES (lower(hex(randomblob(8))), unixepoch() * 1000000);

-- Keys that are not the operator's, but made here and sealed.
CREATE TABLE keys (
    name   TEXT PRIMARY KEY NOT NULL,
    key_id TEXT NOT NULL, -- the master key that sealed it
    sealed BLOB NOT NULL -- nonce and AES-256-GCM ciphertext
);

-- Every start of a server on this database, with the last seq of each table when it began: cursors name the start under
-- which their row was committed, so that what was put back from a copy is told from what went on.
CREATE TABLE starts (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         INTEGER NOT NULL, -- random
    started_at INTEGER NOT NULL,
    tenants    INTEGER NOT NULL,
    tokens     INTEGER NOT NULL,
    webhooks   INTEGER NOT NULL,
    events     INTEGER NOT NULL,
    deliveries INTEGER NOT NULL,
    attempts   INTEGER NOT NULL
);

CREATE TABLE nodes (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    started_at INTEGER NOT NULL
);

CREATE TABLE tenants (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            BLOB NOT NULL UNIQUE,
    name          TEXT NOT NULL UNIQUE,
    created_at    INTEGER NOT NULL,
    deleted_at    INTEGER, -- its rows are being removed
    max_webhooks  INTEGER, -- quotas; NULL: the default
    max_tokens    INTEGER,
    max_portal_sessions INTEGER,
    max_events    INTEGER,
    publish_rate  INTEGER,
    publish_burst INTEGER,
    retention_seconds   INTEGER, -- how long its events are kept; 0: forever, NULL: the default
    keep_failed_seconds INTEGER, -- those with a failed delivery, where that is longer; NULL: the default
    pruned_attempt      INTEGER NOT NULL DEFAULT 0 -- the highest seq of an attempt of its that retention has taken
);

CREATE TABLE tokens (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           BLOB NOT NULL UNIQUE,
    tenant_id    BLOB REFERENCES tenants (id), -- NULL: an operator's
    name         TEXT NOT NULL,
    scopes       TEXT, -- with spaces between; NULL: all
    hash         BLOB NOT NULL UNIQUE,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER, -- to about a minute
    revoked_at   INTEGER,
    prefix       TEXT, -- what the token begins with; NULL: it was chosen, and may be short
    created_by   BLOB -- the token that made it; NULL: none did
);
CREATE INDEX tokens_tenant ON tokens (tenant_id, seq);

-- Links to the customer portal, and the sessions that they open.
CREATE TABLE portal_sessions (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           BLOB NOT NULL UNIQUE,
    tenant_id    BLOB NOT NULL REFERENCES tenants (id),
    label        TEXT NOT NULL,
    scopes       TEXT NOT NULL, -- with spaces between
    code         BLOB NOT NULL UNIQUE, -- hash of the link's code
    hash         BLOB UNIQUE, -- of the credential; NULL: the link was not opened
    created_at   INTEGER NOT NULL,
    created_by   BLOB, -- the token that made the link; NULL: none did
    expires_at   INTEGER NOT NULL, -- of the link; once that was opened, of the session
    session_ms   INTEGER NOT NULL,
    opened_at    INTEGER,
    ends_at      INTEGER, -- beyond which it cannot be renewed
    renewed_at   INTEGER,
    last_used_at INTEGER, -- to about a minute
    revoked_at   INTEGER,
    start_path   TEXT NOT NULL,
    theme        TEXT -- JSON, of up to 45 kB; NULL: none
);
CREATE INDEX portal_sessions_tenant ON portal_sessions (tenant_id, seq);
CREATE INDEX portal_sessions_expires ON portal_sessions (expires_at);

-- Who changed what, when and from where. Rows outlive their tenant, so they do not refer to it.
CREATE TABLE audit_log (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          BLOB NOT NULL UNIQUE,
    tenant_id   BLOB, -- whose object was changed; NULL: an operator's
    created_at  INTEGER NOT NULL,
    actor_kind  TEXT NOT NULL,
    actor_token BLOB, -- NULL: no token, but the server or a command
    actor_name  TEXT NOT NULL,
    address     TEXT NOT NULL,
    request_id  TEXT NOT NULL,
    action      TEXT NOT NULL,
    object_id   BLOB NOT NULL,
    changes     TEXT NOT NULL -- a JSON array
);
CREATE INDEX audit_log_tenant ON audit_log (tenant_id, seq);
CREATE INDEX audit_log_object ON audit_log (object_id, seq);
CREATE INDEX audit_log_created ON audit_log (created_at);

CREATE TABLE webhooks (
    seq               INTEGER PRIMARY KEY AUTOINCREMENT,
    id                BLOB NOT NULL UNIQUE,
    tenant_id         BLOB NOT NULL REFERENCES tenants (id),
    url               TEXT NOT NULL,
    events            TEXT, -- JSON array; NULL: all
    filter            TEXT, -- JSON; NULL: none
    enabled           BOOLEAN NOT NULL,
    description       TEXT NOT NULL,
    disabled_reason   TEXT,
    disabled_at       INTEGER,
    failing_since     INTEGER,
    retry_schedule_ms TEXT, -- JSON array; NULL: the default
    no_retry_statuses TEXT, -- JSON array; HTTP statuses after which no retry follows; NULL: none
    timeout_ms        INTEGER,
    rate_per_second   INTEGER,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    deleted_at        INTEGER,
    external_id       TEXT, -- the owner's name for it
    metadata          TEXT, -- a JSON object
    ordering          TEXT NOT NULL DEFAULT 'NONE', -- KEY: events with the same ordering key go one after the other
    on_failure        TEXT NOT NULL DEFAULT 'CONTINUE', -- what follows a delivery with an ordering key that failed; HOLD: nothing
    send_traceparent  BOOLEAN NOT NULL DEFAULT false, -- whether requests have the header field
    probe             BOOLEAN NOT NULL DEFAULT false, -- whether it is probed while it is disabled because it failed
    probe_at          INTEGER, -- when the next probe is due; NULL: none is
    probes            INTEGER NOT NULL DEFAULT 0, -- that were sent
    payload_version   INTEGER -- its payload settings; NULL: the default
);
CREATE INDEX webhooks_tenant ON webhooks (tenant_id, seq);
CREATE INDEX webhooks_probe ON webhooks (probe_at) WHERE probe_at IS NOT NULL;
CREATE UNIQUE INDEX webhooks_external ON webhooks (tenant_id, external_id) WHERE external_id IS NOT NULL AND deleted_at IS NULL;

CREATE TABLE secrets (
    id         BLOB PRIMARY KEY NOT NULL,
    tenant_id  BLOB NOT NULL REFERENCES tenants (id),
    webhook_id BLOB NOT NULL REFERENCES webhooks (id),
    scheme     TEXT NOT NULL,
    key_id     TEXT NOT NULL, -- the master key that sealed it
    sealed     BLOB NOT NULL, -- nonce and AES-256-GCM ciphertext
    created_at INTEGER NOT NULL,
    expires_at INTEGER
);
CREATE INDEX secrets_webhook ON secrets (webhook_id);

CREATE TABLE webhook_headers (
    webhook_id BLOB PRIMARY KEY NOT NULL REFERENCES webhooks (id),
    tenant_id  BLOB NOT NULL REFERENCES tenants (id),
    key_id     TEXT NOT NULL, -- the master key that sealed it
    sealed     BLOB NOT NULL -- nonce and AES-256-GCM ciphertext of all custom headers, a JSON array
);

-- Authentication at webhooks' receivers, besides signatures.
CREATE TABLE webhook_authentications (
    webhook_id             BLOB PRIMARY KEY NOT NULL REFERENCES webhooks (id),
    tenant_id              BLOB NOT NULL REFERENCES tenants (id),
    key_id                 TEXT NOT NULL, -- the master key that sealed it
    sealed                 BLOB NOT NULL, -- nonce and AES-256-GCM ciphertext of a JSON object
    certificate_expires_at INTEGER -- when the client certificate expires; NULL: there is none
);
CREATE INDEX webhook_authentications_expiry ON webhook_authentications (certificate_expires_at) WHERE certificate_expires_at IS NOT NULL;

-- Versions of webhooks' payload settings, which never change. Those that no pending delivery and no attempt names are removed.
CREATE TABLE payloads (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT, -- the version
    tenant_id   BLOB NOT NULL REFERENCES tenants (id),
    webhook_id  BLOB NOT NULL REFERENCES webhooks (id),
    settings    TEXT NOT NULL, -- JSON
    created_at  INTEGER NOT NULL,
    replaced_at INTEGER -- NULL: it is the webhook's
);
CREATE INDEX payloads_webhook ON payloads (tenant_id, webhook_id);
CREATE INDEX payloads_replaced ON payloads (seq) WHERE replaced_at IS NOT NULL;

-- History has no foreign keys: each would cost a look-up on every insert, and retention removes whole events at once.

CREATE TABLE events (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           BLOB NOT NULL,
    tenant_id    BLOB NOT NULL,
    type         TEXT NOT NULL,
    timestamp    INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    tags         TEXT, -- a JSON array of strings; NULL: none
    ordering_key TEXT, -- the publisher's; NULL: none
    deliver_at   INTEGER, -- not to be delivered before; NULL: at once
    expires_at   INTEGER, -- not to be delivered from then on; NULL: no end
    test         BOOLEAN NOT NULL, -- sent by testWebhook, to one webhook
    traceparent  TEXT, -- W3C Trace Context, of the publisher; NULL: none
    data         BLOB NOT NULL -- last, so that what is shorter is read without it
);
CREATE UNIQUE INDEX events_id ON events (id);
-- Every index of SQLite's ends with the rowid, which is seq: lists run along them.
CREATE INDEX events_tenant ON events (tenant_id);
CREATE INDEX events_type ON events (tenant_id, type);

-- The tags of events, each by itself.
CREATE TABLE event_tags (
    tenant_id  BLOB NOT NULL,
    tag        TEXT NOT NULL,
    event_seq  INTEGER NOT NULL,
    event_id   BLOB NOT NULL,
    created_at INTEGER NOT NULL -- the event's
);
CREATE INDEX event_tags_tag ON event_tags (tenant_id, tag, event_seq);
CREATE UNIQUE INDEX event_tags_event ON event_tags (event_id, tag);

CREATE TABLE idempotency_keys (
    tenant_id BLOB NOT NULL,
    key       TEXT NOT NULL,
    event_id  BLOB NOT NULL,
    hash      BLOB NOT NULL, -- SHA-256 of what was published
    PRIMARY KEY (tenant_id, key)
);
CREATE INDEX idempotency_keys_event ON idempotency_keys (event_id);

-- Deliveries of an event that very many webhooks want are made after it is committed, in the order of the webhooks.
CREATE TABLE fanouts (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id      BLOB NOT NULL UNIQUE,
    tenant_id     BLOB NOT NULL,
    created_at    INTEGER NOT NULL, -- the event's
    size          INTEGER NOT NULL, -- about how many are still to be made
    after_webhook INTEGER NOT NULL, -- the webhook up to which they have been
    last_webhook  INTEGER NOT NULL, -- the newest webhook when the event was published
    ordering_key  TEXT -- the event's, if its order matters: the notes of a key are worked on one after the other
);
CREATE INDEX fanouts_tenant ON fanouts (tenant_id, seq);
CREATE INDEX fanouts_size ON fanouts (tenant_id, size, seq);
CREATE INDEX fanouts_key ON fanouts (tenant_id, ordering_key, seq) WHERE ordering_key IS NOT NULL;

-- A delivery that is PENDING is due at some time (due_at), claimed by a node (claimed_by), or waits for others with its ordering key
-- (place). HELD is not stored.
-- Deliveries to a webhook with the same ordering key make a line. place is NULL outside of it: in deliveries without a key, and in those that
-- have ended. It is 0 at the head, of which there is one: a delivery that is due or claimed, or that failed and holds up the others. Behind it
-- place is the seq of the event.
CREATE TABLE deliveries (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    id             BLOB NOT NULL,
    tenant_id      BLOB NOT NULL,
    event_id       BLOB NOT NULL,
    webhook_id     BLOB NOT NULL,
    event_type     TEXT NOT NULL, -- the event's
    status         TEXT NOT NULL,
    attempt_count  INTEGER NOT NULL,
    schedule_start INTEGER NOT NULL,
    triggered_by   TEXT NOT NULL,
    due_at         INTEGER,
    claimed_by     INTEGER,
    created_at     INTEGER NOT NULL,
    completed_at   INTEGER,
    failure_reason TEXT, -- why it is FAILED
    replay_id      BLOB, -- the replay that made it due last, or canceled it; NULL: none did, or it was retried by hand since
    line           BLOB, -- the line, which the webhook and the ordering key name together; NULL: none
    place          INTEGER, -- in the line
    payload_version INTEGER, -- that its next attempt is made with; NULL: the default
    deliver_at     INTEGER, -- the event's, if it was ahead when the delivery was made
    expires_at     INTEGER -- the event's
);
CREATE UNIQUE INDEX deliveries_id ON deliveries (id);
CREATE UNIQUE INDEX deliveries_pair ON deliveries (event_id, webhook_id);
CREATE INDEX deliveries_event ON deliveries (event_id);
CREATE INDEX deliveries_webhook ON deliveries (webhook_id);
CREATE INDEX deliveries_tenant ON deliveries (tenant_id);
CREATE INDEX deliveries_type ON deliveries (tenant_id, event_type);
CREATE INDEX deliveries_failed ON deliveries (tenant_id) WHERE status = 'FAILED';
CREATE INDEX deliveries_webhook_failed ON deliveries (webhook_id) WHERE status = 'FAILED';
CREATE INDEX deliveries_completed ON deliveries (tenant_id, completed_at) WHERE completed_at IS NOT NULL;
CREATE INDEX deliveries_next ON deliveries (tenant_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_replay ON deliveries (replay_id) WHERE replay_id IS NOT NULL;
CREATE INDEX deliveries_due ON deliveries (webhook_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_claimed ON deliveries (claimed_by) WHERE claimed_by IS NOT NULL;
CREATE INDEX deliveries_line ON deliveries (line, place) WHERE place IS NOT NULL;
CREATE INDEX deliveries_place ON deliveries (webhook_id, place) WHERE place IS NOT NULL;
CREATE INDEX deliveries_payload ON deliveries (payload_version) WHERE payload_version IS NOT NULL AND status = 'PENDING';
CREATE INDEX deliveries_expires ON deliveries (expires_at) WHERE expires_at IS NOT NULL AND status = 'PENDING' AND triggered_by = 'SCHEDULE';

CREATE TABLE attempts (
    seq                INTEGER PRIMARY KEY AUTOINCREMENT,
    id                 BLOB NOT NULL,
    tenant_id          BLOB NOT NULL,
    webhook_id         BLOB NOT NULL,
    delivery_id        BLOB NOT NULL,
    event_id           BLOB NOT NULL,
    number             INTEGER NOT NULL,
    status             TEXT NOT NULL,
    error              TEXT,
    message            TEXT NOT NULL,
    triggered_by       TEXT NOT NULL,
    started_at         INTEGER NOT NULL,
    duration_us        INTEGER NOT NULL,
    dns_us             INTEGER NOT NULL,
    connect_us         INTEGER NOT NULL,
    tls_us             INTEGER NOT NULL,
    first_byte_us      INTEGER NOT NULL,
    url                TEXT NOT NULL,
    request_headers    TEXT NOT NULL, -- sensitive values are redacted
    signed_by          BLOB, -- the ids of the secrets that signed, 16 bytes each; NULL: none
    response_status    INTEGER,
    response_headers   TEXT NOT NULL,
    response_truncated BOOLEAN NOT NULL,
    replay_id          BLOB, -- the replay that caused it
    payload_version    INTEGER, -- of the webhook's payload settings that shaped the body; NULL: the default
    response_body      BLOB -- last, like an event's data
);
CREATE UNIQUE INDEX attempts_id ON attempts (id);
CREATE UNIQUE INDEX attempts_number ON attempts (delivery_id, number);
CREATE INDEX attempts_webhook ON attempts (webhook_id);
CREATE INDEX attempts_tenant ON attempts (tenant_id);
CREATE INDEX attempts_failed ON attempts (tenant_id) WHERE status = 'FAILED';
CREATE INDEX attempts_webhook_failed ON attempts (webhook_id) WHERE status = 'FAILED';
CREATE INDEX attempts_payload ON attempts (payload_version) WHERE payload_version IS NOT NULL;

-- Jobs that send deliveries again. A delivery that one has come to (matched) is in replay_queue, was sent (started), or is skipped.
CREATE TABLE replays (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    id              BLOB NOT NULL UNIQUE,
    tenant_id       BLOB NOT NULL,
    kind            TEXT NOT NULL,
    filter          TEXT NOT NULL, -- JSON
    note            TEXT NOT NULL,
    rate            INTEGER, -- deliveries a second; NULL: as fast as they are sent
    status          TEXT NOT NULL,
    failure_reason  TEXT, -- why it is FAILED
    cursor          INTEGER NOT NULL, -- the seq of the last delivery that it has looked at
    until_seq       INTEGER NOT NULL, -- of the last one that it is to look at
    total           INTEGER, -- deliveries that matched when it was created; NULL: too many to count
    matched         INTEGER NOT NULL DEFAULT 0,
    started         INTEGER NOT NULL DEFAULT 0,
    succeeded       INTEGER NOT NULL DEFAULT 0, -- of those started
    failed          INTEGER NOT NULL DEFAULT 0,
    skipped         INTEGER NOT NULL DEFAULT 0,
    created_at      INTEGER NOT NULL,
    completed_at    INTEGER, -- NULL: it has work to do
    idempotency_key TEXT,
    input_hash      BLOB NOT NULL -- SHA-256 of what was asked for
);
CREATE INDEX replays_tenant ON replays (tenant_id, seq);
CREATE INDEX replays_open ON replays (tenant_id) WHERE completed_at IS NULL;
CREATE INDEX replays_completed ON replays (completed_at) WHERE completed_at IS NOT NULL;
CREATE UNIQUE INDEX replays_key ON replays (tenant_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- Deliveries that a replay has made due and that were not attempted since, with what they were before; parked ones are that again, and
-- are made due when their replay is resumed.
CREATE TABLE replay_queue (
    delivery       INTEGER NOT NULL, -- its seq
    replay_id      BLOB NOT NULL,
    tenant_id      BLOB NOT NULL,
    webhook_id     BLOB NOT NULL,
    event          BLOB NOT NULL, -- its id, which says in which partition the delivery is
    parked         BOOLEAN NOT NULL,
    status         TEXT NOT NULL, -- from here on as the delivery was
    schedule_start INTEGER NOT NULL,
    triggered_by   TEXT NOT NULL,
    completed_at   INTEGER,
    failure_reason TEXT,
    replayed_by    BLOB, -- its replay_id
    line           BLOB, -- its line
    place          INTEGER, -- in its line
    PRIMARY KEY (delivery, replay_id)
) WITHOUT ROWID;
CREATE INDEX replay_queue_replay ON replay_queue (replay_id, parked, delivery, webhook_id);
CREATE INDEX replay_queue_tenant ON replay_queue (tenant_id);

-- What operational events are to tell: it is written with what happened, and removed by the transaction that publishes it.
CREATE TABLE notices (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id  BLOB NOT NULL,
    subject_id BLOB NOT NULL, -- the webhook, or what else it is about
    kind       TEXT NOT NULL, -- the event's type
    count      INTEGER NOT NULL, -- how often it happened
    sample     TEXT NOT NULL, -- JSON: the last time
    created_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX notices_subject ON notices (tenant_id, kind, subject_id);

-- Problems for people. Most are failures of a webhook for one reason: columns up to recent_since are of failures since the last success, or since it was resolved;
-- from count on the row is as it is shown, if it was ever opened (place). Before that nobody sees it. The others are looked for now and then.
CREATE TABLE issues (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           BLOB NOT NULL UNIQUE,
    tenant_id    BLOB NOT NULL,
    subject_id   BLOB NOT NULL, -- what it is of: the webhook, or else the event type or the tenant
    webhook_id   BLOB,
    event_type   TEXT,
    kind         TEXT NOT NULL,
    error        TEXT NOT NULL, -- why the last attempt failed, or which quota; empty: not known
    failures     INTEGER NOT NULL, -- not yet resolved
    since        INTEGER, -- the first of them; NULL: there are none
    recent       INTEGER NOT NULL, -- first attempts of deliveries among them, since
    recent_since INTEGER NOT NULL,
    count        INTEGER NOT NULL, -- failures, or what else its kind counts
    bound        INTEGER, -- what count may be
    at           INTEGER, -- when the certificate expires, or since when the oldest delivery is due
    level        INTEGER NOT NULL DEFAULT 0, -- how bad it is; it opens again when that rises
    first_seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    opened_at    INTEGER, -- NULL: never
    resolved_at  INTEGER,
    acknowledged_at   INTEGER,
    acknowledged_by   BLOB, -- the token
    acknowledged_name TEXT NOT NULL DEFAULT '', -- of the token, then
    http_status  INTEGER, -- of the last attempt
    attempt_id   BLOB, -- the last; NULL: it is not of failures
    place        INTEGER, -- orders lists: open ones are above all others
    turned       BOOLEAN NOT NULL -- the last statement opened it, or resolved it
);
CREATE UNIQUE INDEX issues_subject ON issues (subject_id, kind, error);
CREATE INDEX issues_of_webhook ON issues (webhook_id, place) WHERE place IS NOT NULL;
CREATE INDEX issues_tenant ON issues (tenant_id, place) WHERE place IS NOT NULL;
CREATE INDEX issues_place ON issues (place) WHERE place > 0;

-- What each transaction counted (package stats), or several that are merged, until it is folded into the tables below.
CREATE TABLE stats_journal (
    seq  INTEGER PRIMARY KEY,
    data BLOB NOT NULL
);

-- Whoever folds locks the row, and finds that nobody else has folded since the journal was read.
CREATE TABLE stats_fold (
    turn INTEGER NOT NULL -- counts transactions that folded
);
INSERT INTO stats_fold (turn) VALUES (0);

-- Statistics: by minute, hour and day; of a webhook or of everything, of a type of events or of all.
CREATE TABLE stats (
    tenant_id BLOB NOT NULL,
    grain     INTEGER NOT NULL, -- minutes that the row is of
    webhook   INTEGER NOT NULL, -- its seq; 0: of everything
    type      TEXT NOT NULL, -- of events; empty: of all
    bucket    INTEGER NOT NULL, -- when they begin, in minutes since 1970
    data      BLOB NOT NULL, -- package stats reads it
    PRIMARY KEY (tenant_id, grain, webhook, type, bucket)
) WITHOUT ROWID;
CREATE INDEX stats_bucket ON stats (grain, bucket);

-- Types of events that tenants have declared.
CREATE TABLE event_types (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            BLOB NOT NULL UNIQUE, -- made of the tenant and the name
    tenant_id     BLOB NOT NULL REFERENCES tenants (id),
    name          TEXT NOT NULL,
    description   TEXT NOT NULL,
    schema        TEXT, -- a JSON Schema
    validation    TEXT NOT NULL, -- OFF, WARN or REJECT
    example       TEXT, -- JSON
    deprecated_at INTEGER,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    violated_at   INTEGER, -- when an event last broke the schema, to about a minute
    violation     TEXT
);
CREATE UNIQUE INDEX event_types_name ON event_types (tenant_id, name);

-- The types of events that have statistics of their own.
CREATE TABLE stats_types (
    tenant_id BLOB NOT NULL,
    type      TEXT NOT NULL,
    PRIMARY KEY (tenant_id, type)
) WITHOUT ROWID;

-- The state of webhooks: their pending deliveries, and their last attempts.
CREATE TABLE stats_webhooks (
    webhook      INTEGER PRIMARY KEY NOT NULL, -- its seq
    tenant_id    BLOB NOT NULL,
    pending      INTEGER NOT NULL, -- deliveries that are PENDING
    succeeded_at INTEGER NOT NULL, -- when an attempt last did; 0: never
    failed_at    INTEGER NOT NULL,
    failures     INTEGER NOT NULL, -- attempts since the last that succeeded
    failure_rate INTEGER NOT NULL DEFAULT 0 -- of the last hours, in millionths
);
CREATE INDEX stats_webhooks_tenant ON stats_webhooks (tenant_id);
CREATE INDEX stats_webhooks_failed ON stats_webhooks (tenant_id, failed_at) WHERE failed_at > 0;
CREATE INDEX stats_webhooks_rate ON stats_webhooks (tenant_id, failure_rate) WHERE failure_rate > 0;

-- +goose Down
DROP TABLE stats_webhooks;
DROP TABLE stats_types;
DROP TABLE event_types;
DROP TABLE stats;
DROP TABLE stats_fold;
DROP TABLE stats_journal;
DROP TABLE issues;
DROP TABLE notices;
DROP TABLE replay_queue;
DROP TABLE replays;
DROP TABLE attempts;
DROP TABLE deliveries;
DROP TABLE fanouts;
DROP TABLE idempotency_keys;
DROP TABLE event_tags;
DROP TABLE events;
DROP TABLE payloads;
DROP TABLE webhook_headers;
DROP TABLE secrets;
DROP TABLE webhooks;
DROP TABLE portal_sessions;
DROP TABLE tokens;
DROP TABLE tenants;
DROP TABLE nodes;
DROP TABLE starts;
DROP TABLE keys;
DROP TABLE store;
