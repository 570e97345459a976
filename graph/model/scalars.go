package model

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Node is implemented by the types that the query node finds.
type Node any

// SearchHit is implemented by the types that the query search finds.
type SearchHit any

// malformed is the error of a scalar that cannot be parsed; graph/errors.go shows it to the caller.
func malformed(format string, args ...any) error {
	return &webhook.Invalid{Code: webhook.CodeInvalid, Message: fmt.Sprintf(format, args...)}
}

// MarshalDateTime writes t as webhook.TimeFormat, in UTC.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		b := make([]byte, 0, len(webhook.TimeFormat)+2)
		b = append(b, '"')
		b = t.UTC().AppendFormat(b, webhook.TimeFormat)
		_, _ = w.Write(append(b, '"'))
	})
}

// UnmarshalDateTime reads RFC 3339 with any offset.
func UnmarshalDateTime(v any) (time.Time, error) {
	s, ok := v.(string)
	if !ok {
		return time.Time{}, malformed("must be a string with a time in RFC 3339 format, such as 2026-04-23T10:00:00Z")
	}
	t, err := webhook.ParseTime(s)
	if err != nil {
		return time.Time{}, malformed("%v", err)
	}
	return t, nil
}

// MarshalTimeBound writes t as MarshalDateTime does.
func MarshalTimeBound(t time.Time) graphql.ContextMarshaler {
	return graphql.ContextWriterFunc(func(_ context.Context, w io.Writer) error {
		MarshalDateTime(t).MarshalGQL(w)
		return nil
	})
}

// UnmarshalTimeBound reads RFC 3339, or a duration back from the start of the operation of ctx.
func UnmarshalTimeBound(ctx context.Context, v any) (time.Time, error) {
	s, ok := v.(string)
	if !ok {
		return time.Time{}, malformed("%v", webhook.ErrTimeBound)
	}
	now := time.Now()
	if graphql.HasOperationContext(ctx) {
		if start := graphql.GetOperationContext(ctx).Stats.OperationStart; !start.IsZero() {
			now = start
		}
	}
	t, err := webhook.ParseTimeBound(s, now)
	if err != nil {
		return time.Time{}, malformed("%v", err)
	}
	return t, nil
}

// MarshalJSON writes the bytes unchanged; they must be JSON.
func MarshalJSON(b []byte) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		if len(b) == 0 {
			b = []byte("null")
		}
		_, _ = w.Write(b)
	})
}

// UnmarshalJSON keeps the bytes of a json.RawMessage, which gqlhttp passes for variables and literals. Anything else, from gqlgen's
// own transports, is encoded as JSON.
func UnmarshalJSON(v any) ([]byte, error) {
	if raw, ok := v.(json.RawMessage); ok {
		return raw, nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, malformed("must be JSON")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// MarshalInt writes i as a GraphQL Int, clamped to 32 bits.
func MarshalInt(i int) graphql.Marshaler {
	return graphql.MarshalInt(min(max(i, math.MinInt32), math.MaxInt32))
}

// UnmarshalInt reads an integer of 32 bits (GraphQL, section 3.5.1).
func UnmarshalInt(v any) (int, error) {
	if f, ok := v.(float64); ok && f == math.Trunc(f) && math.Abs(f) <= math.MaxInt32 {
		return int(f), nil
	}
	i, err := graphql.UnmarshalInt32(v)
	if err != nil {
		return 0, malformed("must be a 32-bit integer")
	}
	return int(i), nil
}

// MarshalFloat writes f as JavaScript does: whole numbers have no exponent, so that clients can read them as integers. It fails for NaN
// and infinities, which JSON does not have.
func MarshalFloat(f float64) graphql.ContextMarshaler {
	return graphql.ContextWriterFunc(func(_ context.Context, w io.Writer) error {
		text, err := json.Marshal(f)
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	})
}

// UnmarshalFloat reads a number (GraphQL, section 3.5.2).
func UnmarshalFloat(ctx context.Context, v any) (float64, error) {
	f, err := graphql.UnmarshalFloatContext(ctx, v)
	if _, text := v.(string); text || err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, malformed("must be a number")
	}
	return f, nil
}

// MarshalDeliveryStatus writes s.
func MarshalDeliveryStatus(s webhook.DeliveryStatus) graphql.Marshaler { return enum(s) }

// UnmarshalDeliveryStatus reads a status. It checks it again: the validation of variables lets any case pass.
func UnmarshalDeliveryStatus(v any) (webhook.DeliveryStatus, error) {
	return oneOf(v, webhook.DeliveryStatuses...)
}

// MarshalAttemptStatus writes s.
func MarshalAttemptStatus(s webhook.AttemptStatus) graphql.Marshaler { return enum(s) }

// UnmarshalAttemptStatus reads a status, with the same check.
func UnmarshalAttemptStatus(v any) (webhook.AttemptStatus, error) {
	return oneOf(v, webhook.AttemptSucceeded, webhook.AttemptFailed)
}

// MarshalAttemptErrorCode writes c.
func MarshalAttemptErrorCode(c webhook.ErrorCode) graphql.Marshaler { return enum(c) }

// UnmarshalAttemptErrorCode reads a code, with the same check.
func UnmarshalAttemptErrorCode(v any) (webhook.ErrorCode, error) {
	return oneOf(v, webhook.ErrorCodes...)
}

// MarshalAttemptTrigger writes t.
func MarshalAttemptTrigger(t webhook.Trigger) graphql.Marshaler { return enum(t) }

// UnmarshalAttemptTrigger reads a trigger, with the same check.
func UnmarshalAttemptTrigger(v any) (webhook.Trigger, error) {
	return oneOf(v, webhook.TriggerSchedule, webhook.TriggerManual, webhook.TriggerReplay, webhook.TriggerTest)
}

// MarshalReplayKind writes k.
func MarshalReplayKind(k webhook.ReplayKind) graphql.Marshaler { return enum(k) }

// UnmarshalReplayKind reads a kind, with the same check.
func UnmarshalReplayKind(v any) (webhook.ReplayKind, error) {
	return oneOf(v, webhook.ReplayFailed, webhook.ReplayAll, webhook.ReplayMissing, webhook.ReplayCancel)
}

// MarshalSchemaValidation writes v.
func MarshalSchemaValidation(v webhook.SchemaValidation) graphql.Marshaler { return enum(v) }

// UnmarshalSchemaValidation reads a kind of validation, with the same check.
func UnmarshalSchemaValidation(v any) (webhook.SchemaValidation, error) {
	return oneOf(v, webhook.ValidationOff, webhook.ValidationWarn, webhook.ValidationReject)
}

// MarshalEventTypeChangeKind writes v.
func MarshalEventTypeChangeKind(v webhook.EventTypeChangeKind) graphql.Marshaler { return enum(v) }

// UnmarshalEventTypeChangeKind reads a kind of change, with the same check.
func UnmarshalEventTypeChangeKind(v any) (webhook.EventTypeChangeKind, error) {
	return oneOf(v, webhook.TypeAdded, webhook.TypeChanged, webhook.TypeRemoved, webhook.TypeMissing)
}

// MarshalTokenScope writes s as an enum value: webhooks:read is WEBHOOKS_READ.
func MarshalTokenScope(s webhook.TokenScope) graphql.Marshaler { return enum(s.Enum()) }

// UnmarshalTokenScope reads a scope, with the same check.
func UnmarshalTokenScope(v any) (webhook.TokenScope, error) {
	names := make([]string, len(webhook.AllScopes))
	for i, s := range webhook.AllScopes {
		names[i] = s.Enum()
	}
	name, err := oneOf(v, names...)
	if err != nil {
		return "", err
	}
	return webhook.AllScopes[slices.Index(names, name)], nil
}

func enum[T ~string](v T) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(string(v))) })
}

func oneOf[T ~string](v any, values ...T) (T, error) {
	s, ok := v.(string)
	if !ok || !slices.Contains(values, T(s)) {
		return "", malformed("must be one of %v", values)
	}
	return T(s), nil
}

// MarshalIssueKind writes k.
func MarshalIssueKind(k webhook.IssueKind) graphql.Marshaler { return enum(k) }

// UnmarshalIssueKind reads a kind, with the same check.
func UnmarshalIssueKind(v any) (webhook.IssueKind, error) {
	return oneOf(v, webhook.IssueKinds...)
}

// MarshalIssueQuota writes q.
func MarshalIssueQuota(q webhook.QuotaName) graphql.Marshaler { return enum(q) }

// UnmarshalIssueQuota reads a quota, with the same check.
func UnmarshalIssueQuota(v any) (webhook.QuotaName, error) {
	return oneOf(v, webhook.QuotaStored, webhook.QuotaRate)
}

// MarshalIssueStatus writes s.
func MarshalIssueStatus(s webhook.IssueStatus) graphql.Marshaler { return enum(s) }

// UnmarshalIssueStatus reads a status, with the same check.
func UnmarshalIssueStatus(v any) (webhook.IssueStatus, error) {
	return oneOf(v, webhook.IssueStatuses...)
}
