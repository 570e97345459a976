package graph

import (
	"time"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// shown returns the settings as the query server shows them.
func (s *Settings) shown() *model.Server {
	retries := webhook.DefaultSchedule[1:] // the first wait is before the first attempt
	schedule := make([]int, len(retries))
	for i, wait := range retries {
		schedule[i] = int(wait.Milliseconds())
	}
	return &model.Server{
		Version: s.Version, RetentionMs: foreverNull(s.Retention), DeliveryMaxAgeMs: foreverNull(s.DeliveryMaxAge),
		TimeoutMs: int(s.Timeout.Milliseconds()), RetryScheduleMs: schedule,
		Limits: &model.ServerLimits{
			DataBytes: s.MaxDataBytes, Events: webhook.MaxPublish, PageSize: maxPage, Nodes: maxNodes,
			OperationCost: s.MaxCost, ResponseBytes: s.MaxAnswerBytes,
			Retries: webhook.MaxRetries, RetryDelayMs: int(webhook.MaxRetryDelay.Milliseconds()),
			MinTimeoutMs: int(webhook.MinTimeout.Milliseconds()), MaxTimeoutMs: int(webhook.MaxTimeout.Milliseconds()),
			RatePerSecond: webhook.MaxRatePerSecond,
		},
	}
}

// foreverNull returns a duration in milliseconds; nil for 0, which means forever. It is not an Int, because thirty days do not fit
// into 32 bits.
func foreverNull(d time.Duration) *float64 {
	if d == 0 {
		return nil
	}
	ms := float64(d.Milliseconds())
	return &ms
}
