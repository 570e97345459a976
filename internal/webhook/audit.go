package webhook

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
)

// AuditEntry is one change of settings or of a delivery, as the audit log keeps it: who changed what, when and from where.
type AuditEntry struct {
	Seq       int64 `gorm:"primaryKey;autoIncrement"`
	ID        ID
	TenantID  *ID       // to whom the object belongs; nil for operator tokens
	CreatedAt time.Time `gorm:"serializer:micros;autoCreateTime:false"`
	Actor     Actor     `gorm:"embedded"`
	Action    AuditAction
	ObjectID  ID
	Changes   []AuditChange `gorm:"serializer:json"` // those fields that differ, in a fixed order; never secrets
}

// TableName implements gorm's Tabler.
func (AuditEntry) TableName() string { return "audit_log" }

// Position is Seq.
func (e *AuditEntry) Position() int64 { return e.Seq }

// ObjectType returns the type of the object, with which the action's name begins.
func (e *AuditEntry) ObjectType() AuditObjectType {
	for _, long := range []AuditObjectType{AuditEventType, AuditPortalSession} {
		if strings.HasPrefix(string(e.Action), string(long)+"_") {
			return long
		}
	}
	object, _, _ := strings.Cut(string(e.Action), "_")
	return AuditObjectType(object)
}

// Address returns the IP address of the client; nil if there is none.
func (e *AuditEntry) Address() *string { return nonEmpty(e.Actor.Address) }

// RequestID returns the id of the request; nil outside of one.
func (e *AuditEntry) RequestID() *string { return nonEmpty(e.Actor.RequestID) }

func nonEmpty(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// ActorKind is a kind of Actor.
type ActorKind string

// The kinds.
const (
	ActorServer   ActorKind = "SERVER"   // the server itself, for example when it disables a webhook
	ActorOperator ActorKind = "OPERATOR" // an operator's token
	ActorTenant   ActorKind = "TENANT"   // a tenant's token
	ActorPortal   ActorKind = "PORTAL"   // a portal session of a tenant
	ActorCommand  ActorKind = "COMMAND"  // somebody on the server's machine, by the command line
)

// Actor is who makes a change. The zero value is the server.
type Actor struct {
	Kind    ActorKind `gorm:"column:actor_kind"`
	TokenID *ID       `gorm:"column:actor_token"` // or of the portal session
	// Name is that of the token when the change was made, the label of the portal session, or of a command the user of the machine who ran it.
	Name    string `gorm:"column:actor_name"`
	Address string `gorm:"column:address"` // the client's IP address; "" if there is no client
	// RequestID is that of the answer's header and of the log; "" outside of a request.
	RequestID string `gorm:"column:request_id"`
}

// AuditObjectType is a type of objects whose changes are logged, as the API names it: WEBHOOK, DELIVERY, REPLAY, TENANT, TOKEN,
// PORTAL_SESSION, EVENT_TYPE, ISSUE, KEY or DATABASE.
type AuditObjectType string

// The types whose names have two words.
const (
	AuditEventType     AuditObjectType = "EVENT_TYPE"
	AuditPortalSession AuditObjectType = "PORTAL_SESSION"
)

// AuditAction names a kind of change: the type of the object, and what happened.
type AuditAction string

// The actions.
const (
	AuditWebhookCreated       AuditAction = "WEBHOOK_CREATED"
	AuditWebhookUpdated       AuditAction = "WEBHOOK_UPDATED"
	AuditWebhookDisabled      AuditAction = "WEBHOOK_DISABLED" // by the server
	AuditWebhookEnabled       AuditAction = "WEBHOOK_ENABLED"  // by the server
	AuditWebhookDeleted       AuditAction = "WEBHOOK_DELETED"
	AuditWebhookSecretRotated AuditAction = "WEBHOOK_SECRET_ROTATED" //nolint:gosec // no credential
	AuditDeliveryRetried      AuditAction = "DELIVERY_RETRIED"
	AuditDeliveryCanceled     AuditAction = "DELIVERY_CANCELED"
	AuditReplayCreated        AuditAction = "REPLAY_CREATED"
	AuditReplayUpdated        AuditAction = "REPLAY_UPDATED"
	AuditReplayCanceled       AuditAction = "REPLAY_CANCELED"
	AuditTenantCreated        AuditAction = "TENANT_CREATED"
	AuditTenantUpdated        AuditAction = "TENANT_UPDATED"
	AuditTenantDeleted        AuditAction = "TENANT_DELETED"
	AuditTokenCreated         AuditAction = "TOKEN_CREATED"
	AuditTokenRevoked         AuditAction = "TOKEN_REVOKED"
	AuditPortalCreated        AuditAction = "PORTAL_SESSION_CREATED" // its link
	AuditPortalOpened         AuditAction = "PORTAL_SESSION_OPENED"
	AuditPortalRevoked        AuditAction = "PORTAL_SESSION_REVOKED"
	AuditEventTypeCreated     AuditAction = "EVENT_TYPE_CREATED"
	AuditEventTypeUpdated     AuditAction = "EVENT_TYPE_UPDATED"
	AuditEventTypeDeleted     AuditAction = "EVENT_TYPE_DELETED"
	AuditIssueAcknowledged    AuditAction = "ISSUE_ACKNOWLEDGED"
	AuditKeyRotated           AuditAction = "KEY_ROTATED" // the master key
	AuditDatabaseRestored     AuditAction = "DATABASE_RESTORED"
)

// AuditChange is a field that a change set. Before and After are JSON; null where there was, or is, no value.
type AuditChange struct {
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// AuditField is a field of an object and its value, which must be encodable as JSON.
type AuditField struct {
	Name  string
	Value any
}

// AuditChanges returns the fields of after that differ from those of before, which has the same fields, or none for an object that is new.
// Of a new object, fields without a value are left out.
func AuditChanges(before, after []AuditField) []AuditChange {
	was := make(map[string]json.RawMessage, len(before))
	for _, f := range before {
		was[f.Name] = AuditValue(f.Value)
	}
	changes := []AuditChange{}
	for _, f := range after {
		is := AuditValue(f.Value)
		if old := was[f.Name]; !bytes.Equal(old, is) {
			changes = append(changes, AuditChange{Field: f.Name, Before: old, After: is})
		}
	}
	return changes
}

// AuditValue returns a value as JSON; nil if it is null.
func AuditValue(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil || string(text) == "null" {
		return nil
	}
	return text
}

// AuditFields are the webhook's settings for the audit log. Headers are listed by name only, because their values may be credentials,
// and the authentication, nil for none, without what is secret.
func (w *Webhook) AuditFields(headers []*CustomHeader, authentication *Authentication) []AuditField {
	var names []string
	for _, h := range headers {
		names = append(names, h.Name)
	}
	var metadata any
	if w.Metadata != nil {
		metadata = json.RawMessage(*w.Metadata)
	}
	var filter any
	if w.Filter != nil {
		filter = json.RawMessage(*w.Filter)
	}
	var description any
	if w.Description != "" {
		description = w.Description
	}
	return []AuditField{
		{"url", w.URL},
		{"events", w.Events},
		{"filter", filter},
		{"payload", w.Payload.audited()},
		{"enabled", w.Enabled},
		{"disabledReason", w.DisabledReason},
		{"description", description},
		{"headers", names},
		{"authentication", authentication.audited()},
		{"retryScheduleMs", w.RetryScheduleMs},
		{"noRetryStatuses", w.NoRetryStatuses},
		{"timeoutMs", w.TimeoutMs},
		{"ratePerSecond", w.RatePerSecond},
		{"externalId", w.ExternalID},
		{"metadata", metadata},
		{"ordering", unless(w.Ordering, OrderingNone)},
		{"onFailure", unless(w.OnFailure, OnFailureContinue)},
		{"probe", given(w.Probe)},
		{"sendTraceparent", given(w.SendTraceparent)},
	}
}

// given returns nil for false, which the audit log leaves out.
func given(is bool) any {
	if !is {
		return nil
	}
	return true
}

// unless returns nil for a default value, which the audit log leaves out.
func unless[T ~string](value, def T) any {
	if value == def || value == "" {
		return nil
	}
	return value
}

// AuditFields are the tenant's settings for the audit log, under the API's names.
func (t *Tenant) AuditFields() []AuditField {
	return []AuditField{
		{"name", t.Name},
		{"quotas.webhooks", t.MaxWebhooks},
		{"quotas.tokens", t.MaxTokens},
		{"quotas.portalSessions", t.MaxPortalSessions},
		{"quotas.storedEvents", t.MaxEvents},
		{"quotas.eventsPerSecond", t.PublishRate},
		{"quotas.eventBurst", t.PublishBurst},
		{"retentionMs", milliseconds(t.RetentionSeconds)},
		{"keepFailedMs", milliseconds(t.KeepFailedSeconds)},
	}
}

// milliseconds returns a number of seconds as the API shows it; nil for nil.
func milliseconds(seconds *int) any {
	if seconds == nil {
		return nil
	}
	return int64(*seconds) * 1000
}

// AuditFields are the token's settings for the audit log, under the API's names, without the credential.
func (t *Token) AuditFields() []AuditField {
	scopes := make([]string, 0, len(AllScopes))
	for _, s := range t.Scopes.List() {
		scopes = append(scopes, s.Enum())
	}
	return []AuditField{{"name", t.Name}, {"scopes", scopes}, {"expiresAt", t.ExpiresAt}, {"revokedAt", t.RevokedAt}}
}
