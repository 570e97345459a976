package replay_test

import (
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/store/replay"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// An input that can do nothing, or of which a part has no effect, is refused by field; ranges with one end, or none, are not.
func TestInputsWithoutEffect(t *testing.T) {
	now := time.Now()
	earlier := now.Add(-time.Microsecond)
	one := webhook.NewID(now)
	for name, test := range map[string]struct {
		in    replay.Input
		field string
		code  webhook.Code
	}{
		"all":                  {in: replay.Input{Kind: webhook.ReplayAll}},
		"the lowest rate":      {in: replay.Input{Kind: webhook.ReplayAll, RatePerSecond: new(1)}},
		"the highest rate":     {in: replay.Input{Kind: webhook.ReplayAll, RatePerSecond: new(webhook.MaxReplayRate)}},
		"no rate":              {replay.Input{Kind: webhook.ReplayAll, RatePerSecond: new(0)}, "ratePerSecond", webhook.CodeOutOfRange},
		"a negative rate":      {replay.Input{Kind: webhook.ReplayAll, RatePerSecond: new(-1)}, "ratePerSecond", webhook.CodeOutOfRange},
		"too high a rate":      {replay.Input{Kind: webhook.ReplayAll, RatePerSecond: new(webhook.MaxReplayRate + 1)}, "ratePerSecond", webhook.CodeOutOfRange},
		"a rate of canceling":  {replay.Input{Kind: webhook.ReplayCancel, RatePerSecond: new(5)}, "ratePerSecond", webhook.CodeInvalid},
		"no kind":              {replay.Input{}, "kind", webhook.CodeInvalid},
		"open ranges":          {in: replay.Input{Kind: webhook.ReplayAll, Filter: list.DeliveryFilter{CreatedAt: list.TimeRange{From: &now}, CompletedAt: list.TimeRange{To: &earlier}}}},
		"a microsecond":        {in: replay.Input{Kind: webhook.ReplayAll, Filter: list.DeliveryFilter{CompletedAt: list.TimeRange{From: &earlier, To: &now}}}},
		"created never":        {replay.Input{Kind: webhook.ReplayCancel, Filter: list.DeliveryFilter{CreatedAt: list.TimeRange{From: &now, To: &now}}}, "filter.createdAt.to", webhook.CodeOutOfRange},
		"completed never":      {replay.Input{Kind: webhook.ReplayFailed, Filter: list.DeliveryFilter{CompletedAt: list.TimeRange{From: &now, To: &earlier}}}, "filter.completedAt.to", webhook.CodeOutOfRange},
		"published never":      {replay.Input{Kind: webhook.ReplayMissing, Filter: list.DeliveryFilter{WebhookIDs: []webhook.ID{one}, CreatedAt: list.TimeRange{From: &now, To: &earlier}}}, "filter.createdAt.to", webhook.CodeOutOfRange},
		"two webhooks":         {replay.Input{Kind: webhook.ReplayMissing, Filter: list.DeliveryFilter{WebhookIDs: []webhook.ID{one, webhook.NewID(now)}}}, "filter.webhookIds", webhook.CodeRequired},
		"another kind's state": {replay.Input{Kind: webhook.ReplayAll, Filter: list.DeliveryFilter{Statuses: []webhook.DeliveryStatus{webhook.DeliveryFailed, webhook.Held}}}, "filter.statuses.1", webhook.CodeInvalid},
	} {
		bad := webhook.Invalids(test.in.Check())
		switch {
		case test.field == "" && len(bad) > 0:
			t.Errorf("%s: %+v", name, *bad[0])
		case test.field != "" && (len(bad) != 1 || bad[0].Field != test.field || bad[0].Code != test.code):
			t.Errorf("%s: %d errors, want %s %s: %v", name, len(bad), test.code, test.field, test.in.Check())
		}
	}
}
