package webhook

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A patch sets the fields that it has, also to null, and leaves the others unchanged. Disabling sets the time and reason, unless
// the webhook was disabled already; enabling clears them, and the failures.
func TestPatch(t *testing.T) {
	now := time.Date(2026, 4, 23, 10, 0, 0, 0, time.UTC)
	before := now.Add(-time.Hour)
	five, manual, gone := 5, DisabledManual, DisabledGone
	enabled := Webhook{URL: "https://a.example/", Events: []string{"a.b"}, Enabled: true, Description: "d", RatePerSecond: &five, FailingSince: &before}
	disabled := enabled
	disabled.Enabled, disabled.DisabledReason, disabled.DisabledAt = false, &gone, &before
	for name, c := range map[string]struct {
		from  Webhook
		patch Patch
		want  func(w *Webhook)
	}{
		"nothing":          {enabled, Patch{}, func(*Webhook) {}},
		"texts":            {enabled, Patch{URL: Some("https://b.example/"), Description: Some("")}, func(w *Webhook) { w.URL, w.Description = "https://b.example/", "" }},
		"null":             {enabled, Patch{Events: Some[[]string](nil), RatePerSecond: Some[*int](nil)}, func(w *Webhook) { w.Events, w.RatePerSecond = nil, nil }},
		"statuses":         {enabled, Patch{NoRetryStatuses: Some([]int{404})}, func(w *Webhook) { w.NoRetryStatuses = []int{404} }},
		"numbers":          {enabled, Patch{TimeoutMs: Some(&five), RetryScheduleMs: Some([]int{1})}, func(w *Webhook) { w.TimeoutMs, w.RetryScheduleMs = &five, []int{1} }},
		"enabled already":  {enabled, Patch{Enabled: Some(true)}, func(*Webhook) {}},
		"disable":          {enabled, Patch{Enabled: Some(false)}, func(w *Webhook) { w.Enabled, w.DisabledReason, w.DisabledAt = false, &manual, &now }},
		"disabled already": {disabled, Patch{Enabled: Some(false)}, func(*Webhook) {}},
		"enable": {disabled, Patch{Enabled: Some(true)}, func(w *Webhook) {
			w.Enabled, w.DisabledReason, w.DisabledAt, w.FailingSince = true, nil, nil, nil
		}},
	} {
		got, want := c.from, c.from
		c.patch.Apply(&got, now)
		c.want(&want)
		want.UpdatedAt = now
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A rotation overlaps for at most seven days, and its scheme is one of two, or that of the current secret.
func TestRotationCheck(t *testing.T) {
	for _, c := range []struct {
		rotation Rotation
		field    string // that the error names
	}{
		{Rotation{}, ""},
		{Rotation{Overlap: MaxOverlap, Scheme: SchemeEd25519}, ""},
		{Rotation{Overlap: DefaultOverlap, Scheme: SchemeHMAC}, ""},
		{Rotation{Overlap: MaxOverlap + 1}, "overlapMs"},
		{Rotation{Overlap: -1}, "overlapMs"},
		{Rotation{Scheme: "MD5"}, "signatureScheme"},
	} {
		refused := ""
		for _, e := range Invalids(c.rotation.Check()) {
			refused += e.Field
		}
		if refused != c.field {
			t.Errorf("%+v: refused %q, want %q", c.rotation, refused, c.field)
		}
	}
}

// A secret signs until the moment at which it expires. SignedBy names those that sign, in the order of their signatures.
func TestSecretsSignUntilTheyExpire(t *testing.T) {
	now := time.Date(2026, 4, 23, 10, 0, 0, 0, time.UTC)
	current, old := NewSecret(NewID(now), NewID(now), SchemeHMAC, now), NewSecret(NewID(now), NewID(now), SchemeEd25519, now)
	expires := now.Add(time.Hour)
	old.ExpiresAt = &expires
	for _, c := range []struct {
		at   time.Time
		want int // secrets
	}{{now, 2}, {expires.Add(-1), 2}, {expires, 1}, {expires.Add(time.Hour), 1}} {
		want := append([]byte{}, current.ID[:]...)
		if c.want == 2 {
			want = append(want, old.ID[:]...)
		}
		if diff := cmp.Diff(want, SignedBy([]*Secret{current, old}, c.at)); diff != "" {
			t.Errorf("at %v (-want +got):\n%s", c.at, diff)
		}
		if got := len(SignedBy([]*Secret{old}, c.at)) / len(ID{}); got != c.want-1 {
			t.Errorf("the old one alone at %v: %d sign", c.at, got)
		}
	}
}

// A patch is empty while none of its fields is set, whatever state of the webhook it is for; each field that is set, also to null, makes it another.
func TestEmptyPatch(t *testing.T) {
	now := time.Now()
	if p := (Patch{IfUpdatedAt: &now, Precision: time.Second}); !p.Empty() || p.IfUpdatedAt != &now {
		t.Errorf("%+v is not empty", p)
	}
	fields := 0
	for i := range reflect.TypeFor[Patch]().NumField() {
		var p Patch
		if is := reflect.ValueOf(&p).Elem().Field(i).FieldByName; reflect.TypeFor[Patch]().Field(i).Type.Kind() == reflect.Struct {
			fields++
			if is("Set").SetBool(true); p.Empty() {
				t.Errorf("%s is not seen", reflect.TypeFor[Patch]().Field(i).Name)
			}
		}
	}
	if fields < 10 {
		t.Errorf("only %d fields were found", fields)
	}
}
