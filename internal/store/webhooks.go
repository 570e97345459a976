package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/issues"
	"github.com/hookgraph/hookgraph/internal/store/payloads"
	"github.com/hookgraph/hookgraph/internal/store/removal"
	"github.com/hookgraph/hookgraph/internal/store/replay"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/filter"
	"github.com/hookgraph/hookgraph/internal/webhook/payload"
)

// CreateWebhook registers a webhook with a signing secret, which it returns. If the tenant has a webhook with the same external id, that one gets
// these settings instead, and the secret is nil. The error joins an *Invalid for every broken rule; its code is CONFLICT if that webhook has another
// secret or scheme than the one that is given.
func (c *Scope) CreateWebhook(ctx context.Context, n webhook.New) (*webhook.Webhook, *webhook.Secret, error) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	w := webhook.Webhook{
		ID: webhook.NewID(now), TenantID: c.tenant, URL: n.URL, Events: n.Events, Enabled: true, Description: n.Description,
		RetryScheduleMs: n.RetryScheduleMs, NoRetryStatuses: n.NoRetryStatuses, TimeoutMs: n.TimeoutMs, RatePerSecond: n.RatePerSecond, CreatedAt: now, UpdatedAt: now,
		ExternalID: n.ExternalID, Metadata: webhook.JSONText(n.Metadata), Filter: webhook.JSONText(n.Filter), Ordering: n.Ordering, OnFailure: n.OnFailure,
		Probe: n.Probe, Payload: n.Payload, SendTraceparent: n.SendTraceparent,
	}
	if !n.Enabled {
		w.Disable(webhook.DisabledManual, now)
	}
	if n.Scheme == "" {
		n.Scheme = webhook.SchemeHMAC
	}
	headers, badHeaders := c.s.setHeaders(nil, n.Headers)
	authentication, badAuthentication := c.s.newAuthentication(&n, headers)
	key, badKey := n.Secret.Key(n.Scheme)
	valid := c.s.check(&w)
	to := &Target{Webhook: bare(w), Headers: headers, Authentication: authentication}
	if err := errors.Join(valid, to.Compile(), badHeaders, badAuthentication, webhook.CheckScheme("signatureScheme", n.Scheme), badKey, checkPayload(&w, headers)); err != nil {
		return nil, nil, err
	}
	secret := newSecret(c.tenant, w.ID, n.Scheme, key, now)
	to.Secrets = []*webhook.Secret{secret}
	var known *revision
	err := c.change(ctx, func(b *batch) error {
		if _, err := b.tenant(c.tenant); err != nil {
			return err
		}
		found, err := b.externalID(c.tenant, w.ExternalID)
		if err != nil {
			return err
		}
		if known = nil; found == nil {
			return b.register(c, &w, to)
		}
		known, err = b.resettle(c, found, &w, to, &n)
		return err
	})
	switch {
	case err != nil:
		return nil, nil, err
	case known != nil:
		known.signal(c.s)
		return &known.webhook, nil, nil
	}
	return &w, secret, nil
}

// register stores a new webhook, whose target has its secret.
func (b *batch) register(c *Scope, w *webhook.Webhook, as *Target) error {
	if err := b.oneMoreWebhook(c.tenant); err != nil {
		return err
	}
	if w.NamesOperational() {
		if err := b.oneMoreOperational(c.tenant); err != nil {
			return err
		}
	}
	if err := b.oneMoreFilter(as, nil); err != nil {
		return err
	}
	row := *w // a copy, because the batch may be written again
	if err := b.insertWebhook(&row); err != nil {
		return err
	}
	w.Seq, w.PayloadVersion = row.Seq, row.PayloadVersion
	if err := b.addSecret(as.Secrets[0]); err != nil {
		return err
	}
	if err := b.putHeaders(w, as.Headers); err != nil {
		return err
	}
	if as.Authentication != nil {
		if err := b.putAuthentication(w, as.Authentication); err != nil {
			return err
		}
	}
	b.setTarget(&Target{Webhook: bare(*w), Secrets: as.Secrets, Headers: as.Headers, Authentication: as.Authentication, Filter: as.Filter})
	changes := webhook.AuditChanges(nil, w.AuditFields(as.Headers, as.Authentication))
	return b.audit(c.by, &c.tenant, webhook.AuditWebhookCreated, w.ID, append(changes, auditImport(as.Secrets[0])...))
}

// resettle gives an existing webhook the settings of w, which are those of n. Settings that it has already are no change.
func (b *batch) resettle(c *Scope, found *Target, w *webhook.Webhook, as *Target, n *webhook.New) (*revision, error) {
	if len(found.Secrets) == 0 || found.Secrets[0].Scheme != n.Scheme {
		return nil, &webhook.Invalid{
			Field: "signatureScheme", Code: webhook.CodeConflict,
			Message: "differs from that of the webhook with this external ID; rotate its secret to change it",
		}
	}
	if n.Secret != nil && !found.Secrets[0].Has(as.Secrets[0].Key) {
		return nil, &webhook.Invalid{
			Field: "secret", Code: webhook.CodeConflict,
			Message: "differs from that of the webhook with this external ID; rotate its secret to change it",
		}
	}
	before, err := b.whole(found.Webhook)
	if err != nil {
		return nil, err
	}
	if before.SameSettings(w) && sameHeaders(found.Headers, as.Headers) && found.Authentication.Same(as.Authentication) {
		return &revision{webhook: *before}, nil
	}
	p := n.Settings(before)
	return b.update(c, found, before, &p, nil)
}

// oneMoreWebhook returns an error if the tenant has reached its quota of webhooks. It must be called in the transaction that creates one.
func (b *batch) oneMoreWebhook(tenant webhook.ID) error {
	limit := b.s.quotas.Of(tenant).Limits().Webhooks
	if limit == 0 {
		return nil
	}
	n := b.s.routes.Count(tenant)
	for id, to := range b.Targets {
		if to.TenantID == tenant {
			if was := b.s.routes.Get(id) != nil; was && to.DeletedAt != nil {
				n--
			} else if !was && to.DeletedAt == nil {
				n++
			}
		}
	}
	if n >= limit {
		b.s.quotas.Refused(tenant, "webhooks", limit)
		return &webhook.Invalid{Code: webhook.CodeQuota, Message: fmt.Sprintf("the tenant has reached its quota of %d webhooks; delete one first", limit)}
	}
	return nil
}

// maxOperational is the number of webhooks of a tenant that may name operational events. Each operational event goes to all of them, so
// without a limit one failure would cause any number of deliveries.
const maxOperational = 100

// oneMoreOperational is oneMoreWebhook for webhooks that name operational events.
func (b *batch) oneMoreOperational(tenant webhook.ID) error {
	if b.counted(tenant, b.s.routes.Operational(tenant), func(to *Target) bool { return to.NamesOperational() }) >= maxOperational {
		b.s.quotas.Refused(tenant, "webhooks for operational events", maxOperational)
		return &webhook.Invalid{
			Field: "events", Code: webhook.CodeQuota,
			Message: fmt.Sprintf("may name types that begin with %s in %d webhooks of the tenant; remove them from another one first", webhook.OperationalPrefix, maxOperational),
		}
	}
	return nil
}

// counted is the number of the tenant's webhooks that are something, with the transaction's changes, of which there were n before it.
func (b *batch) counted(tenant webhook.ID, n int, is func(to *Target) bool) int {
	return b.summed(tenant, n, func(to *Target) int {
		if is(to) {
			return 1
		}
		return 0
	})
}

// summed is counted for what the tenant's webhooks have.
func (b *batch) summed(tenant webhook.ID, n int, of func(to *Target) int) int {
	one := func(to *Target) int {
		if to == nil || to.DeletedAt != nil {
			return 0
		}
		return of(to)
	}
	for id, to := range b.Targets {
		if to.TenantID == tenant {
			n += one(to) - one(b.s.routes.Get(id))
		}
	}
	return n
}

const (
	// maxFilters is the number of webhooks of a tenant that may have a filter that is not in the index. Each event is matched with those of all
	// webhooks that subscribe to its type, so without a limit publishing could take any time.
	maxFilters = 100
	// maxFilterBytes is the length of the sources of all filters of a tenant. Compiled they take about ten times as much memory.
	maxFilterBytes = 4 << 20
)

// oneMoreFilter is oneMoreWebhook for the filter of a webhook, which had another state before, or is new. Filters for which the index has room
// cost an event nothing if they are not found there, so only their memory is limited.
func (b *batch) oneMoreFilter(next, old *Target) error {
	if next.Filter == nil {
		return nil
	}
	tenant := next.TenantID
	bytes := b.summed(tenant, b.s.routes.FilterBytes(tenant), (*Target).FilterBytes) + next.FilterBytes()
	if old != nil {
		bytes -= old.FilterBytes()
	}
	if bytes > maxFilterBytes {
		b.s.quotas.Refused(tenant, "bytes of filters", maxFilterBytes)
		return &webhook.Invalid{
			Field: "filter", Code: webhook.CodeQuota,
			Message: fmt.Sprintf("must not make the filters of the tenant longer than %d bytes together; shorten or remove others first", maxFilterBytes),
		}
	}
	var others []*filter.Filter
	for id, to := range b.Targets {
		if to.TenantID == tenant && id != next.ID && to.DeletedAt == nil && to.Filter != nil && !b.s.routes.Guarded(to) {
			others = append(others, to.Filter)
		}
	}
	if b.s.routes.Room(tenant, next.Filter, others) || old != nil && b.isUnguarded(old) {
		return nil
	}
	if b.counted(tenant, b.s.routes.Unguarded(tenant), b.isUnguarded) < maxFilters {
		return nil
	}
	b.s.quotas.Refused(tenant, "webhooks with a filter without an exact condition", maxFilters)
	return &webhook.Invalid{
		Field: "filter", Code: webhook.CodeQuota,
		Message: fmt.Sprintf(`must have an exact condition, like {"data": {"customerId": "c1"}}, with values that fewer than %d other filters ask for: `+
			"%d webhooks of the tenant have a filter without one; give it one, or remove the filter of another of these", filter.MaxUnder, maxFilters),
	}
}

// isUnguarded reports whether each event is matched with the filter of the webhook, in the transaction's state.
func (b *batch) isUnguarded(to *Target) bool {
	return to.Filter != nil && !b.s.routes.Guarded(to) && (b.s.routes.Get(to.ID) == to || !b.s.routes.Room(to.TenantID, to.Filter, nil))
}

// bare returns a webhook as it is kept in memory: without its metadata and its payload's settings, which may be large.
func bare(w webhook.Webhook) webhook.Webhook {
	w.Metadata, w.Payload = nil, nil
	return w
}

// whole returns a webhook of the transaction with its stored metadata and payload settings.
func (b *batch) whole(w webhook.Webhook) (*webhook.Webhook, error) {
	if err := b.DB.Raw("SELECT metadata FROM webhooks WHERE id = ? AND tenant_id = ?", w.ID, w.TenantID).Take(&w).Error; err != nil {
		return nil, fmt.Errorf("read metadata: %w", err)
	}
	var err error
	w.Payload, err = payloads.Of(b.DB, w.TenantID, w.PayloadVersion)
	return &w, err
}

// externalID returns the tenant's webhook with this external id, or nil.
func (b *batch) externalID(tenant webhook.ID, external *string) (*Target, error) {
	if external == nil {
		return nil, nil
	}
	var ids []webhook.ID
	err := b.DB.Raw("SELECT id FROM webhooks WHERE tenant_id = ? AND external_id = ? AND deleted_at IS NULL", tenant, *external).Scan(&ids).Error
	if err != nil {
		return nil, fmt.Errorf("find external id: %w", err)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return b.own(tenant, ids[0])
}

func sameHeaders(a, b []*webhook.CustomHeader) bool {
	byName := func(x, y *webhook.CustomHeader) int { return strings.Compare(x.Name, y.Name) }
	return slices.EqualFunc(slices.SortedFunc(slices.Values(a), byName), slices.SortedFunc(slices.Values(b), byName),
		func(x, y *webhook.CustomHeader) bool { return *x == *y })
}

// check normalizes a webhook and applies every rule, including the egress policy.
func (s *Store) check(w *webhook.Webhook) error {
	w.Normalize()
	if err := w.Check(); err != nil {
		return err
	}
	return s.checkURL(w)
}

func (s *Store) checkURL(w *webhook.Webhook) error {
	if s.opts.CheckURL == nil {
		return nil
	}
	normal, err := s.opts.CheckURL(w.URL)
	if err != nil {
		return refused("url", err)
	}
	w.URL = normal
	return nil
}

// own returns the tenant's webhook as the transaction sees it.
func (b *batch) own(tenant, id webhook.ID) (*Target, error) {
	to := b.target(id)
	if to == nil || to.TenantID != tenant || to.DeletedAt != nil {
		return nil, webhook.ErrNotFound
	}
	return to, nil
}

// UpdateWebhook changes the fields that the patch sets. If rotate is not nil, the webhook also gets a new secret, which
// is returned. Errors: webhook.ErrNotFound, *Invalid, *webhook.Changed.
func (c *Scope) UpdateWebhook(ctx context.Context, id webhook.ID, p webhook.Patch, rotate *webhook.Rotation) (*webhook.Webhook, *webhook.Secret, error) {
	if rotate != nil {
		if err := rotate.Check(); err != nil {
			return nil, nil, err
		}
	}
	if err := c.s.checkAuthentication(p.Authentication.Value); err != nil {
		return nil, nil, err
	}
	var made *revision
	err := c.change(ctx, func(b *batch) error {
		old, err := b.own(c.tenant, id)
		if err != nil {
			return err
		}
		before, err := b.whole(old.Webhook)
		if err != nil {
			return err
		}
		if !p.Fits(before) {
			return &webhook.Changed{Current: before}
		}
		made, err = b.update(c, old, before, &p, rotate)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	made.signal(c.s)
	return &made.webhook, made.secret, nil
}

// revision is what a transaction made of a webhook.
type revision struct {
	webhook webhook.Webhook
	secret  *webhook.Secret // the new one; nil: it has the old ones
	wasHeld bool            // failed deliveries held up others before
}

// signal lets go on what the revision does not hold up any more.
func (m *revision) signal(s *Store) {
	if m.wasHeld && !m.webhook.Holds() {
		dialect.Signal(s.lining)
	}
}

// update changes a webhook, which before has with its metadata and its payload.
func (b *batch) update(c *Scope, old *Target, before *webhook.Webhook, p *webhook.Patch, rotate *webhook.Rotation) (*revision, error) {
	now := b.Now.UTC().Truncate(time.Microsecond)
	next, err := b.patched(old, before.Payload, p, now)
	if err != nil {
		return nil, err
	}
	row := b.DB.Select("*")
	if !p.Metadata.Set { // the webhook in memory has no metadata
		row = row.Omit("metadata")
	}
	if err := row.Where("id = ? AND tenant_id = ?", old.ID, c.tenant).Updates(&next.Webhook).Error; err != nil {
		return nil, fmt.Errorf("update webhook: %w", err)
	}
	after, err := b.whole(next.Webhook)
	if err != nil {
		return nil, err
	}
	made := &revision{webhook: *after, wasHeld: old.Holds()}
	next.Webhook = bare(next.Webhook)
	if rotate != nil {
		if made.secret, next.Secrets, err = b.rotateSecret(old, *rotate, now); err != nil {
			return nil, err
		}
	}
	b.setTarget(next)
	if next.Enabled && !old.Enabled {
		b.dueAt(old.ID, now)
	}
	if next.Enabled != old.Enabled {
		if err := b.switched(next); err != nil {
			return nil, err
		}
	}
	return made, b.auditUpdate(c, before, after, old, next)
}

// switched resolves the issues of a webhook that somebody has enabled or disabled.
func (b *batch) switched(to *Target) error {
	kind := webhook.IssueFailing
	if to.Enabled {
		kind = webhook.IssueDisabled
		b.enabled = append(b.enabled, to)
	}
	resolved, err := issues.Resolve(&b.Tx, b.s.db, to.TenantID, to.ID, kind)
	b.tellIssues(resolved)
	return err
}

// ProbeWebhooks sends a probe to every disabled webhook for which one is due. Tenants take turns, each probe has its own transaction, and one whose
// probes find no room in the sender is left for the next time.
func (s *Store) ProbeWebhooks(ctx context.Context) error {
	var due []struct{ ID, TenantID webhook.ID } // of webhooks, all of which are in memory anyway
	err := s.read.WithContext(ctx).Raw(`SELECT id, tenant_id FROM (SELECT id, tenant_id, probe_at, ROW_NUMBER() OVER (PARTITION BY tenant_id ORDER BY probe_at) AS turn
		FROM webhooks WHERE probe_at <= ?) AS due ORDER BY turn, probe_at`, dialect.At(s.opts.Now())).Scan(&due).Error
	if err != nil {
		return dialect.Unavailable(err)
	}
	p := newWebhookPacer(s)
	full := map[webhook.ID]bool{}
	for _, d := range due {
		if full[d.TenantID] {
			continue
		}
		err := p.take(ctx, d.TenantID, 2, func(b *batch) (int, error) { return b.probe(d.ID) })
		switch {
		case errors.Is(err, dialect.ErrNoRoom), errors.Is(err, webhook.ErrBusy):
			full[d.TenantID] = true
		case err != nil:
			return fmt.Errorf("probe webhooks: %w", err)
		}
	}
	return nil
}

// probe sends a probe to a webhook, if one is still due, and plans the next. The sender takes it at once, because a disabled webhook's deliveries are
// not claimed; if it has no room, the error is dialect.ErrNoRoom.
func (b *batch) probe(id webhook.ID) (int, error) {
	to := b.target(id)
	if to == nil || !to.Probed() {
		return 0, nil
	}
	next := *to
	next.Probes++
	next.PlanProbe(b.Now)
	planned := b.DB.Exec("UPDATE webhooks SET probe_at = ?, probes = ? WHERE id = ? AND tenant_id = ? AND probe_at <= ?",
		dialect.MaybeAt(next.ProbeAt), next.Probes, id, to.TenantID, dialect.At(b.Now))
	if planned.Error != nil || planned.RowsAffected == 0 {
		return 0, planned.Error
	}
	in := &incoming{only: &id, event: b.newEvent(to.TenantID, webhook.TypeProbe, []byte(`{"message":"Your webhook is disabled. A response with a status 2xx enables it.","webhookId":"`+id.String()+`"}`))}
	expires := in.event.CreatedAt.Add(webhook.ProbeExpiry)
	in.event.Test, in.event.ExpiresAt = true, &expires
	reserved := len(b.reserved)
	if err := b.insertAll([]*incoming{in}); err != nil {
		return 0, err
	}
	if len(b.reserved) == reserved {
		return 0, dialect.ErrNoRoom
	}
	b.noteTarget(&next)
	b.tellLater(Change{Tenant: to.TenantID, Webhook: id})
	return 2, nil
}

// patched returns the webhook, which had the payload, with a patch, which it may have, and stores its headers, its authentication and its
// payload.
func (b *batch) patched(old *Target, had *webhook.Payload, p *webhook.Patch, now time.Time) (next *Target, err error) {
	next = &Target{Webhook: old.Webhook, Secrets: old.Secrets, Headers: old.Headers, Authentication: old.Authentication, Filter: old.Filter}
	next.Payload = had
	p.Apply(&next.Webhook, now)
	next.Normalize()
	err = next.Check()
	if p.Filter.Set {
		err = errors.Join(err, next.Compile())
	}
	if err != nil {
		return nil, err
	}
	if p.Filter.Set {
		if err := b.oneMoreFilter(next, old); err != nil {
			return nil, err
		}
	}
	if next.NamesOperational() && !old.NamesOperational() {
		if err := b.oneMoreOperational(next.TenantID); err != nil {
			return nil, err
		}
	}
	if p.URL.Set {
		if err := b.s.checkURL(&next.Webhook); err != nil {
			return nil, err
		}
	}
	if p.Headers.Set {
		if next.Headers, err = b.s.setHeaders(old.Headers, p.Headers.Value); err != nil {
			return nil, err
		}
		if err := b.putHeaders(&next.Webhook, next.Headers); err != nil {
			return nil, err
		}
	}
	if p.Authentication.Set || p.Headers.Set {
		if err := b.patchAuthentication(next, p); err != nil {
			return nil, err
		}
	}
	if p.Payload.Set || p.Headers.Set {
		if err := b.putPayload(next, had, now); err != nil {
			return nil, err
		}
	}
	if p.ExternalID.Set {
		return next, b.freeExternalID(&next.Webhook)
	}
	return next, nil
}

// patchAuthentication gives a webhook, which has its new headers, the authentication of a patch.
func (b *batch) patchAuthentication(to *Target, p *webhook.Patch) (err error) {
	had := to.Authentication
	if p.Authentication.Set {
		if to.Authentication, err = p.Authentication.Value.Apply(had); err != nil {
			return err
		}
	}
	if err := to.Authentication.CheckHeaders(to.Headers); err != nil {
		if !p.Headers.Set {
			err = webhook.Invalidf("authentication", webhook.CodeNotAllowed, "sets the header Authorization, which the webhook's headers have already; remove it from them")
		}
		return err
	}
	if to.Authentication.Same(had) {
		to.Authentication = had
		return nil
	}
	return b.putAuthentication(&to.Webhook, to.Authentication)
}

// checkAuthentication applies all rules that do not depend on the current settings, including the egress policy. It takes too long for a
// transaction. The error consists of *Invalid.
func (s *Store) checkAuthentication(p *webhook.AuthenticationPatch) error {
	err := p.Check(s.opts.Now())
	if p == nil || p.OAuth2.Value == nil || p.OAuth2.Value.TokenURL == "" || s.opts.CheckURL == nil {
		return err
	}
	oauth2 := *p.OAuth2.Value // the caller's stays as it is
	normal, bad := s.opts.CheckURL(oauth2.TokenURL)
	if bad != nil {
		return errors.Join(err, refused(webhook.FieldTokenURL, bad))
	}
	oauth2.TokenURL = normal
	p.OAuth2.Value = &oauth2
	return err
}

// newAuthentication is the authentication of a new webhook, which has the headers.
func (s *Store) newAuthentication(n *webhook.New, headers []*webhook.CustomHeader) (*webhook.Authentication, error) {
	if err := s.checkAuthentication(n.Authentication); err != nil {
		return nil, err
	}
	a, err := n.Authentication.Apply(nil)
	if err != nil {
		return nil, err
	}
	return a, a.CheckHeaders(headers)
}

// checkPayload compiles a webhook's payload settings, and compares them with its headers.
func checkPayload(w *webhook.Webhook, headers []*webhook.CustomHeader) error {
	_, err := payload.Compile("payload", w.Payload)
	return errors.Join(err, w.Payload.CheckHeaders(headers))
}

// putPayload stores the payload settings of a webhook that had others.
func (b *batch) putPayload(to *Target, had *webhook.Payload, now time.Time) (err error) {
	if err := checkPayload(&to.Webhook, to.Headers); err != nil || to.Payload.Same(had) {
		return err
	}
	to.PayloadVersion, err = payloads.Set(b.DB, to.TenantID, to.ID, to.PayloadVersion, to.Payload, now)
	return err
}

// insertWebhook stores a new webhook, and its payload settings.
func (b *batch) insertWebhook(w *webhook.Webhook) (err error) {
	if err := b.DB.Create(w).Error; err != nil {
		return fmt.Errorf("insert webhook: %w", err)
	}
	if w.Payload == nil {
		return nil
	}
	if w.PayloadVersion, err = payloads.Set(b.DB, w.TenantID, w.ID, nil, w.Payload, b.Now); err != nil {
		return err
	}
	if err := b.DB.Exec("UPDATE webhooks SET payload_version = ? WHERE id = ? AND tenant_id = ?", *w.PayloadVersion, w.ID, w.TenantID).Error; err != nil {
		return fmt.Errorf("set the payload of a webhook: %w", err)
	}
	return nil
}

// auditUpdate adds what UpdateWebhook did to the audit log.
func (b *batch) auditUpdate(c *Scope, before, after *webhook.Webhook, old, next *Target) error {
	changes := webhook.AuditChanges(before.AuditFields(old.Headers, old.Authentication), after.AuditFields(next.Headers, next.Authentication))
	if !sameHeaders(old.Headers, next.Headers) && !slices.ContainsFunc(changes, func(c webhook.AuditChange) bool { return c.Field == "headers" }) {
		changes = append(changes, webhook.AuditChange{Field: "headerValues"}) // they may be credentials
	}
	if !old.Authentication.Same(next.Authentication) && !slices.ContainsFunc(changes, func(c webhook.AuditChange) bool { return c.Field == "authentication" }) {
		changes = append(changes, webhook.AuditChange{Field: "authenticationSecrets"})
	}
	if len(changes) > 0 {
		if err := b.audit(c.by, &c.tenant, webhook.AuditWebhookUpdated, after.ID, changes); err != nil {
			return err
		}
	}
	if len(next.Secrets) == 0 || len(old.Secrets) > 0 && next.Secrets[0].ID == old.Secrets[0].ID {
		return nil
	}
	rotated := webhook.AuditChange{Field: "secretId", After: webhook.AuditValue(next.Secrets[0].ID)}
	if len(old.Secrets) > 0 {
		rotated.Before = webhook.AuditValue(old.Secrets[0].ID)
	}
	return b.audit(c.by, &c.tenant, webhook.AuditWebhookSecretRotated, after.ID, append([]webhook.AuditChange{rotated}, auditImport(next.Secrets[0])...))
}

// auditImport returns what the audit log says of a new secret that its owner brought.
func auditImport(s *webhook.Secret) []webhook.AuditChange {
	if !s.Imported {
		return nil
	}
	return []webhook.AuditChange{{Field: "secretImported", After: webhook.AuditValue(true)}}
}

// freeExternalID returns an error if another of the tenant's webhooks has the webhook's external id.
func (b *batch) freeExternalID(w *webhook.Webhook) error {
	other, err := b.externalID(w.TenantID, w.ExternalID)
	if err == nil && other != nil && other.ID != w.ID {
		err = &webhook.Invalid{Field: "externalId", Code: webhook.CodeConflict, Message: "belongs to another webhook; choose another external ID"}
	}
	return err
}

// DeleteWebhook removes a webhook, its secrets, its headers and its authentication, and cancels its open deliveries. Its history stays until retention
// removes it.
func (c *Scope) DeleteWebhook(ctx context.Context, id webhook.ID) error {
	var gone webhook.Webhook
	err := c.change(ctx, func(b *batch) error {
		old, err := b.own(c.tenant, id)
		if err != nil {
			return err
		}
		gone = old.Webhook
		now := b.Now.UTC().Truncate(time.Microsecond)
		next := &Target{Webhook: old.Webhook}
		next.DeletedAt, next.UpdatedAt = &now, now
		if err := removal.Webhooks(&b.Tx, c.tenant, []webhook.ID{id}, now); err != nil {
			return err
		}
		if err := payloads.Replaced(b.DB, c.tenant, old.PayloadVersion, now); err != nil {
			return err
		}
		b.setTarget(next)
		b.tellLater(Change{Tenant: c.tenant, Issues: true})
		return b.audit(c.by, &c.tenant, webhook.AuditWebhookDeleted, id, []webhook.AuditChange{{Field: "url", Before: webhook.AuditValue(gone.URL)}})
	})
	if err == nil {
		c.s.background.Go(func() { c.s.cancelDeleted(&gone) })
	}
	return err
}

// cancelPiece is how many deliveries one transaction cancels at most.
const cancelPiece = 200

// cancelDeleted marks the open deliveries of a deleted webhook as canceled, in small transactions. Reads show them as canceled before.
func (s *Store) cancelDeleted(w *webhook.Webhook) {
	for p, left := newPacer(s), true; left; {
		err := p.piece(s.quit, w.TenantID, cancelPiece, func(b *batch, n int) (int, error) {
			var due []openDelivery
			open := "due_at IS NOT NULL"
			if err := b.DB.Raw("SELECT seq, event_id FROM deliveries WHERE webhook_id = ? AND due_at IS NOT NULL ORDER BY due_at LIMIT ?", w.ID, n).Scan(&due).Error; err != nil {
				return 0, err
			}
			if len(due) == 0 { // then those that wait in line, which are never promoted
				open = "place > 0"
				if err := b.DB.Raw("SELECT seq, event_id FROM deliveries WHERE webhook_id = ? AND place > 0 ORDER BY place LIMIT ?", w.ID, n).Scan(&due).Error; err != nil {
					return 0, err
				}
			}
			if left = len(due) > 0; !left {
				return 0, nil
			}
			return b.cancelOpen(w, due, open)
		})
		if err != nil {
			return // Prune cancels the rest later
		}
	}
}

// openDelivery is a delivery that is pending.
type openDelivery struct {
	Seq     int64
	EventID webhook.ID
}

// cancelOpen cancels some of the open deliveries of a deleted webhook, and returns their number. Those that are not in the state are left out:
// another replica may be canceling too.
func (b *batch) cancelOpen(w *webhook.Webhook, of []openDelivery, state string) (int, error) {
	seqs := make([]int64, len(of))
	first, last := of[0].EventID.Time(), of[0].EventID.Time()
	for i, d := range of {
		seqs[i] = d.Seq
		if t := d.EventID.Time(); t.Before(first) {
			first = t
		} else if t.After(last) {
			last = t
		}
	}
	among, arg := b.s.db.Among("seq", seqs)
	published, days := b.s.db.Published("day", first, last)
	var ended []struct {
		Seq       int64
		EventType string
		ReplayID  *webhook.ID
	}
	if err := b.DB.Raw("UPDATE deliveries SET status = 'CANCELED', due_at = NULL, place = NULL, completed_at = ? WHERE "+state+" AND "+among+published+" RETURNING seq, event_type, replay_id",
		append([]any{dialect.At(b.Now), arg}, days...)...).Scan(&ended).Error; err != nil {
		return 0, fmt.Errorf("cancel deliveries of a deleted webhook: %w", err)
	}
	var replayed replay.Outcomes
	for _, d := range ended {
		b.counts.Ended(stats.Key{Tenant: stats.Tenant(w.TenantID), Webhook: w.Seq, Type: d.EventType}, stats.Canceled, 1, true)
		replayed.Ended(d.ReplayID, d.Seq)
	}
	if len(ended) > 0 {
		b.tellLater(Change{Tenant: w.TenantID, Webhook: w.ID})
	}
	return len(ended), b.leaveReplays(&replayed, nil)
}

// RetryDelivery makes a delivery due now, in any state, and restarts its schedule. Attempt numbers continue. While an attempt runs
// it only restarts the schedule. With an ordering key it goes before all that wait, once no other delivery of its line is at the head.
// Errors: webhook.ErrNotFound; an *Invalid with code CONFLICT if its webhook is deleted, or if it waits in line.
func (c *Scope) RetryDelivery(ctx context.Context, id webhook.ID) (*webhook.Delivery, error) {
	return c.changeDelivery(ctx, id, webhook.AuditDeliveryRetried, func(b *batch, d *webhook.Delivery) error {
		to := b.target(d.WebhookID)
		if to == nil {
			return &webhook.Invalid{Field: "id", Code: webhook.CodeConflict, Message: "the delivery's webhook is deleted, so it cannot be retried"}
		}
		is, err := b.lockDelivery(d)
		if err != nil {
			return err
		}
		if is.waits() {
			return &webhook.Invalid{Field: "id", Code: webhook.CodeConflict, Message: "the delivery waits for others with the same ordering key; retry or cancel the one that it is blocked by"}
		}
		if is.Status != webhook.Pending {
			b.counts.Owed(statsKey(to, is.EventType), 1)
		}
		var left replay.Outcomes
		if is.Status == webhook.Pending && is.ClaimedBy == nil {
			left.Retried(is.ReplayID, d.Seq)
		}
		if err := b.leaveReplays(&left, &c.tenant); err != nil {
			return err
		}
		b.dueAt(d.WebhookID, b.Now)
		b.tellLater(is.change(d, dialect.Owed))
		of, day := b.s.dayOf(d.EventID)
		due, place, err := b.again(d, is)
		if err != nil {
			return err
		}
		if err := b.DB.Exec(`UPDATE deliveries SET status = 'PENDING', schedule_start = attempt_count, completed_at = NULL, failure_reason = NULL,
			replay_id = CASE WHEN status = 'PENDING' AND (triggered_by <> 'REPLAY' OR claimed_by IS NOT NULL) THEN replay_id END,
			triggered_by = CASE WHEN claimed_by IS NULL THEN 'MANUAL' ELSE triggered_by END,
			due_at = ?, place = ?, payload_version = ? WHERE seq = ? AND tenant_id = ?`+of, append([]any{dialect.MaybeAt(due), place, to.PayloadVersion, d.Seq, c.tenant}, day...)...).Error; err != nil {
			return err
		}
		return b.advance([]leaving{{line: is.Line, webhook: d.WebhookID}})
	})
}

// again is when a delivery that is retried by hand is due, and its place in its line. One that had ended gets the place of its event, which is
// before all that wait, and is due when it is promoted.
func (b *batch) again(d *webhook.Delivery, is lockedDelivery) (due *time.Time, place *int64, err error) {
	switch {
	case is.ClaimedBy != nil:
		return nil, is.Place, nil
	case is.Line == nil || is.Status == webhook.Pending:
		return &b.Now, is.Place, nil
	}
	of, day := b.s.dayOf(d.EventID)
	var seq int64
	err = b.DB.Raw("SELECT seq FROM events WHERE id = ? AND tenant_id = ?"+of, append([]any{d.EventID, d.TenantID}, day...)...).Scan(&seq).Error
	return nil, &seq, err
}

// CancelDelivery cancels a delivery. If a running attempt still succeeds, so does the delivery. One that failed and holds up others with its
// ordering key can be canceled too. Errors: webhook.ErrNotFound; an *Invalid with code CONFLICT if the delivery is completed.
func (c *Scope) CancelDelivery(ctx context.Context, id webhook.ID) (*webhook.Delivery, error) {
	return c.changeDelivery(ctx, id, webhook.AuditDeliveryCanceled, func(b *batch, d *webhook.Delivery) error {
		is, err := b.lockDelivery(d)
		if err != nil {
			return err
		}
		to := b.target(d.WebhookID)
		if to == nil || is.Status != webhook.Pending && !is.holds() {
			return &webhook.Invalid{Field: "id", Code: webhook.CodeConflict, Message: "the delivery is completed already; only pending and held ones can be canceled"}
		}
		b.counts.Ended(statsKey(to, is.EventType), stats.Canceled, 1, is.Status == webhook.Pending)
		var left replay.Outcomes
		if is.Status == webhook.Pending {
			left.Ended(is.ReplayID, d.Seq)
		}
		if err := b.leaveReplays(&left, &c.tenant); err != nil {
			return err
		}
		b.tellLater(is.change(d, dialect.StatusesOf(webhook.Canceled)))
		of, day := b.s.dayOf(d.EventID)
		if err := b.DB.Exec(`UPDATE deliveries SET status = 'CANCELED', due_at = NULL, completed_at = ?, failure_reason = NULL,
			place = CASE WHEN claimed_by IS NOT NULL THEN place END WHERE seq = ? AND tenant_id = ?`+of,
			append([]any{dialect.At(b.Now), d.Seq, c.tenant}, day...)...).Error; err != nil {
			return err
		}
		return b.advance([]leaving{{line: is.Line, webhook: d.WebhookID}})
	})
}

// lockedDelivery is the stored state of a delivery that is locked until the transaction ends.
type lockedDelivery struct {
	Status    webhook.DeliveryStatus
	EventType string
	ReplayID  *webhook.ID
	ClaimedBy *int64
	Line      *webhook.ID
	Place     *int64
}

// waits reports whether others of its line come first.
func (is lockedDelivery) waits() bool { return is.Place != nil && *is.Place > 0 }

// holds reports whether it has failed, and others of its line wait until somebody does something about it.
func (is lockedDelivery) holds() bool {
	return is.Status == webhook.DeliveryFailed && is.Place != nil && *is.Place == 0
}

// change is the change of a locked delivery to one of the statuses.
func (is lockedDelivery) change(d *webhook.Delivery, to Statuses) Change {
	return Change{
		Tenant: d.TenantID, Webhook: d.WebhookID, Event: d.EventID, Delivery: d.ID, EventType: is.EventType, Was: dialect.StatusesOf(is.Status), Is: to,
	}
}

// lockDelivery locks a delivery and returns its state. Another replica may be changing it, and its previous state decides what is counted.
func (b *batch) lockDelivery(d *webhook.Delivery) (is lockedDelivery, err error) {
	of, day := b.s.dayOf(d.EventID)
	res := b.DB.Raw("UPDATE deliveries SET status = status WHERE seq = ? AND tenant_id = ?"+of+" RETURNING status, event_type, replay_id, claimed_by, line, place",
		append([]any{d.Seq, d.TenantID}, day...)...).Scan(&is)
	if res.Error == nil && is.Status == "" {
		return is, webhook.ErrNotFound
	}
	return is, res.Error
}

func (c *Scope) changeDelivery(ctx context.Context, id webhook.ID, action webhook.AuditAction, do func(b *batch, d *webhook.Delivery) error) (*webhook.Delivery, error) {
	lines, err := c.lineOf(ctx, id)
	if err != nil {
		return nil, err
	}
	var after *webhook.Delivery
	err = c.changeLines(ctx, lines, func(b *batch) error {
		before, err := b.oneDelivery(c.tenant, id)
		if err != nil {
			return err
		}
		if err := do(b, before); err != nil {
			return err
		}
		if after, err = b.oneDelivery(c.tenant, id); err != nil {
			return err
		}
		status := webhook.AuditChange{Field: "status", Before: webhook.AuditValue(before.Status), After: webhook.AuditValue(after.Status)}
		return b.audit(c.by, &c.tenant, action, id, []webhook.AuditChange{status})
	})
	if err != nil {
		return nil, err
	}
	return after, nil
}
