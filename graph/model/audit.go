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
type AuditActor struct {
	Entry    *webhook.AuditEntry
	Operator bool // an operator reads it
}

// Kind is the kind of actor.
func (a *AuditActor) Kind() webhook.ActorKind { return a.Entry.Actor.Kind }

// TokenID is the id of the token; nil if there is none.
func (a *AuditActor) TokenID() *webhook.ID { return a.Entry.Actor.TokenID }

// Name is the name of the token when the change was made, or for operators of the user who ran a command; nil if there is none.
func (a *AuditActor) Name() *string {
	if by := &a.Entry.Actor; by.TokenID != nil || a.Operator && by.Name != "" {
		return &by.Name
	}
	return nil
}
