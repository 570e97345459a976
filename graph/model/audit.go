package model

import (
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// AuditLogChange says that entries were added to the part of the audit log that Of shows.
type AuditLogChange struct{ Of *store.Registry }

// IssuesChange says that issues changed in the part of the store that Of shows.
type IssuesChange struct{ Of *store.Scope }

// AuditActor is who made the change of an entry.
type AuditActor struct{ Entry *webhook.AuditEntry }

// Kind is the kind of actor.
func (a *AuditActor) Kind() webhook.ActorKind { return a.Entry.Actor.Kind }

// TokenID is the id of the token; nil if there is none.
func (a *AuditActor) TokenID() *webhook.ID { return a.Entry.Actor.TokenID }

// Name is the name of the token when the change was made; nil if there is none.
func (a *AuditActor) Name() *string {
	if a.Entry.Actor.TokenID == nil {
		return nil
	}
	return &a.Entry.Actor.Name
}
