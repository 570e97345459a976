package graph

import (
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
		Version: s.Version, RetentionMs: float64(s.Retention.Keep.Milliseconds()), KeepFailedMs: float64(s.Retention.KeepFailed.Milliseconds()),
		DeliveryMaxAgeMs: float64(s.DeliveryMaxAge.Milliseconds()),
		TimeoutMs:        int(s.Timeout.Milliseconds()), RetryScheduleMs: schedule,
		Limits: &model.ServerLimits{
			DataBytes: s.MaxDataBytes, Events: webhook.MaxPublish, PageSize: maxPage, Nodes: maxNodes,
			OperationCost: s.MaxCost, ResponseBytes: s.MaxAnswerBytes,
			Retries: webhook.MaxRetries, RetryDelayMs: int(webhook.MaxRetryDelay.Milliseconds()),
			MinTimeoutMs: int(webhook.MinTimeout.Milliseconds()), MaxTimeoutMs: int(webhook.MaxTimeout.Milliseconds()),
			RatePerSecond: webhook.MaxRatePerSecond,
		},
	}
}
