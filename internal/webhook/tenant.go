package webhook

import (
	"errors"
	"regexp"
	"time"
)

// DefaultTenant is the tenant that an operator's calls are about if they name none.
const DefaultTenant = "default"

// Tenant owns webhooks and events; they are invisible to every other tenant.
type Tenant struct {
	Seq       int64 `gorm:"primaryKey;autoIncrement"`
	ID        ID
	Name      string
	CreatedAt time.Time  `gorm:"serializer:micros;autoCreateTime:false"`
	DeletedAt *time.Time `gorm:"serializer:micros"` // deleted; its rows are being removed

	// Its quotas; nil means the server's default.
	MaxWebhooks  *int
	MaxTokens    *int // valid ones
	MaxEvents    *int // stored
	PublishRate  *int // events a second
	PublishBurst *int // events at once
	// MaxPortalSessions bounds links and sessions of the customer portal that can be used.
	MaxPortalSessions *int

	// How long its events are kept; nil is the server's default.
	RetentionSeconds  *int // 0: forever
	KeepFailedSeconds *int // those with a failed delivery, where that is longer
}

// Position is Seq: where lists have it.
func (t *Tenant) Position() int64 { return t.Seq }

// Quotas are the limits of a tenant. 0 means unlimited.
type Quotas struct {
	Webhooks     int
	Tokens       int // valid ones
	Events       int // stored
	PublishRate  int // events a second
	PublishBurst int // events at once; 0 means twice the rate. At least MaxPublish, which one call may publish.
	// PortalSessions bounds links and sessions of the customer portal that can be used.
	PortalSessions int
}

// Burst returns how many events may be published at once.
func (q Quotas) Burst() int {
	burst := q.PublishBurst
	if burst == 0 {
		burst = 2 * q.PublishRate
	}
	return max(burst, MaxPublish)
}

// Quotas returns the tenant's own quotas, with defaults for those it does not have.
func (t *Tenant) Quotas(defaults Quotas) Quotas {
	q := defaults
	for _, own := range []struct {
		from *int
		to   *int
	}{{t.MaxWebhooks, &q.Webhooks}, {t.MaxTokens, &q.Tokens}, {t.MaxEvents, &q.Events}, {t.PublishRate, &q.PublishRate}, {t.PublishBurst, &q.PublishBurst}, {t.MaxPortalSessions, &q.PortalSessions}} {
		if own.from != nil {
			*own.to = *own.from
		}
	}
	return q
}

// Retention says how long events are kept.
type Retention struct {
	Keep       time.Duration // from when they were published; 0 is forever
	KeepFailed time.Duration // those with a failed delivery, where that is longer
}

// Bounds of a tenant's own retention.
const (
	MinRetentionSeconds = 60
	MaxRetentionSeconds = 50 * 366 * 24 * 60 * 60 // a time.Duration holds it
)

// Retention is the tenant's own where it has one, else the default.
func (t *Tenant) Retention(defaults Retention) Retention {
	r := defaults
	if t.RetentionSeconds != nil {
		r.Keep = time.Duration(*t.RetentionSeconds) * time.Second
	}
	if t.KeepFailedSeconds != nil {
		r.KeepFailed = time.Duration(*t.KeepFailedSeconds) * time.Second
	}
	return r
}

// TenantPatch says what to change in a tenant. What is set to nil becomes the server's default.
type TenantPatch struct {
	MaxWebhooks, MaxTokens, MaxPortalSessions, MaxEvents, PublishRate, PublishBurst Opt[*int]
	RetentionSeconds, KeepFailedSeconds                                             Opt[*int]
}

// maxQuota bounds a quota: what a GraphQL Int holds.
const maxQuota = 1<<31 - 1

// Apply changes what the patch sets; the error joins an *Invalid for every broken rule.
func (t *Tenant) Apply(p TenantPatch) error {
	var errs []error
	for _, q := range []struct {
		field string
		set   Opt[*int]
		to    **int
	}{
		{"webhooks", p.MaxWebhooks, &t.MaxWebhooks},
		{"tokens", p.MaxTokens, &t.MaxTokens},
		{"portalSessions", p.MaxPortalSessions, &t.MaxPortalSessions},
		{"storedEvents", p.MaxEvents, &t.MaxEvents},
		{"eventsPerSecond", p.PublishRate, &t.PublishRate},
		{"eventBurst", p.PublishBurst, &t.PublishBurst},
	} {
		if !q.set.Set {
			continue
		}
		if v := q.set.Value; v != nil && (*v < 1 || *v > maxQuota) {
			errs = append(errs, Invalidf("quotas."+q.field, CodeOutOfRange, "must be at least 1"))
		}
		*q.to = q.set.Value
	}
	for _, r := range []struct {
		field string
		set   Opt[*int]
		to    **int
	}{{"retentionMs", p.RetentionSeconds, &t.RetentionSeconds}, {"keepFailedMs", p.KeepFailedSeconds, &t.KeepFailedSeconds}} {
		if !r.set.Set {
			continue
		}
		if v := r.set.Value; v != nil && *v != 0 && (*v < MinRetentionSeconds || *v > MaxRetentionSeconds) {
			errs = append(errs, Invalidf(r.field, CodeOutOfRange, "must be 0, or whole seconds from %d to %d", MinRetentionSeconds*1000, MaxRetentionSeconds*1000))
		}
		*r.to = r.set.Value
	}
	return errors.Join(errs...)
}

// TooFast is an *Invalid of code QUOTA that passes with time.
type TooFast struct {
	*Invalid
	RetryAfter time.Duration
}

// Unwrap returns the Invalid.
func (e *TooFast) Unwrap() error { return e.Invalid }

// MaxTenantNameBytes bounds a tenant's name.
const MaxTenantNameBytes = 63

var tenantForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$`)

// CheckTenantName checks a tenant's name: 1 to 63 lower-case letters, digits, hyphens and underscores, with a letter or digit at
// both ends, so that it is valid in a header and in a host name. It returns nil or an *Invalid.
func CheckTenantName(field, name string) error {
	if !tenantForm.MatchString(name) {
		return Invalidf(field, CodeInvalid, "must be 1 to 63 lower-case letters, digits, hyphens and underscores")
	}
	return nil
}
