package config

import (
	"strings"
	"testing"
	"time"
)

const secret = "not-to-be-shown"

// traced reads the variables.
func traced(env map[string]string) (*Tracing, []VariableRead, error) {
	return readTracing(func(name string) string { return env[name] })
}

// Traces are off unless a variable says where they go, or that they go at all; then nothing else counts, not even what is wrong.
func TestTracingIsOff(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"nothing is set":             nil,
		"no place":                   {"OTEL_SERVICE_NAME": "x", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_TRACES_SAMPLER": "unknown"},
		"disabled":                   {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "TRUE"},
		"not exported":               {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"},
		"empty, which means not set": {"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
	} {
		if is, _, err := traced(env); is != nil || err != nil {
			t.Errorf("%s: %+v, %v", name, is, err)
		}
	}
}

// The variables mean what OpenTelemetry's specification says, those of traces before those of everything.
func TestTracingVariables(t *testing.T) {
	is, _, err := traced(map[string]string{"OTEL_TRACES_EXPORTER": "otlp"})
	if err != nil || is.Endpoint.String() != "http://localhost:4318/v1/traces" || is.Timeout != 10*time.Second || is.Sampler != "parentbased_always_on" || is.QueueSize != 2048 || is.BatchSize != 512 || is.Delay != 5*time.Second {
		t.Errorf("by default: %+v, %v", is, err)
	}
	is, read, err := traced(map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c.example.com:4318/otlp/", "OTEL_EXPORTER_OTLP_HEADERS": "X-Key=all", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "X-Key=a%2Cb, x-other = c",
		"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip", "OTEL_EXPORTER_OTLP_TIMEOUT": "2000",
		"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25", "OTEL_RESOURCE_ATTRIBUTES": "service.name=a,team=b%20c", "OTEL_SERVICE_NAME": "hooks",
		"OTEL_BSP_MAX_QUEUE_SIZE": "100", "OTEL_BSP_SCHEDULE_DELAY": "10",
	})
	switch {
	case err != nil:
		t.Error(err)
	case is.Endpoint.String() != "https://c.example.com:4318/otlp/v1/traces", is.Header.Get("X-Key") != "a,b", is.Header.Get("X-Other") != "c", !is.Gzip, is.Timeout != 2*time.Second,
		is.Ratio != 0.25, is.Resource["service.name"] != "hooks", is.Resource["team"] != "b c", is.QueueSize != 100, is.BatchSize != 100, is.Delay != 10*time.Millisecond:
		t.Errorf("%+v", is)
	}
	for _, v := range read {
		if strings.Contains(v.Name, "HEADERS") && v.Shown() != "(not shown)" {
			t.Errorf("%s is shown as %s", v.Name, v.Shown())
		}
	}
	is, read, err = traced(map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c/mine?key=" + secret, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://all"})
	if err != nil || is.Endpoint.String() != "http://c/mine?key="+secret {
		t.Errorf("the endpoint of traces: %+v, %v", is, err)
	}
	for _, v := range read {
		if strings.Contains(v.Shown(), secret) {
			t.Errorf("%s is shown as %s", v.Name, v.Shown())
		}
	}
}

// What is wrong is named, and never repeated.
func TestTracingRefused(t *testing.T) {
	for name, values := range map[string][]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT":           {secret, "localhost:4318", "unix:/" + secret, "http://", "http://me:" + secret + "@c:4318", "http://c/#" + secret, "http://%zz" + secret},
		"OTEL_EXPORTER_OTLP_PROTOCOL":           {"grpc", "http/json"},
		"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL":    {"grpc"},
		"OTEL_EXPORTER_OTLP_HEADERS":            {secret, "=" + secret, "a b=" + secret, "a=" + secret + "%0A", "a=%" + secret},
		"OTEL_EXPORTER_OTLP_TIMEOUT":            {"0", "-1", "10s", "1e9", "99999999999999999999"},
		"OTEL_EXPORTER_OTLP_COMPRESSION":        {"zstd"},
		"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": {"cert.pem"},
		"OTEL_TRACES_EXPORTER":                  {"console", "jaeger"},
		"OTEL_TRACES_SAMPLER":                   {"jaeger_remote"},
		"OTEL_TRACES_SAMPLER_ARG":               {"2", "-1", "NaN", "half"},
		"OTEL_RESOURCE_ATTRIBUTES":              {secret, "a=%"},
		"OTEL_BSP_MAX_QUEUE_SIZE":               {"0", "1000000"},
		"OTEL_BSP_MAX_EXPORT_BATCH_SIZE":        {"4096"},
		"OTEL_SDK_DISABLED":                     {"yes"},
	} {
		for _, value := range values {
			env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_SAMPLER": "traceidratio"}
			env[name] = value
			_, _, err := traced(env)
			what := strings.TrimPrefix(strings.TrimPrefix(name, "OTEL_EXPORTER_OTLP_TRACES_"), "OTEL_EXPORTER_OTLP_CLIENT_")
			if err == nil || !strings.Contains(err.Error(), what) && !strings.Contains(err.Error(), "certificate") || strings.Contains(err.Error(), secret) {
				t.Errorf("%s=%s: %v", name, value, err)
			}
		}
	}
}
