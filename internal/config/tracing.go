package config

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Tracing says where traces go, and which. Its settings are OpenTelemetry's own variables, so that a server is set up like everything else
// that sends to the same collector. Empty ones count as not set.
type Tracing struct {
	Endpoint *url.URL    // of the collector: OTLP over HTTP, in protobuf
	Header   http.Header // of requests to it; secret
	Gzip     bool
	Timeout  time.Duration // for sending a batch, with its repetitions

	Certificate                  string // a PEM file of authorities; "": the system's
	ClientCertificate, ClientKey string // PEM files; "": none

	Sampler string  // a value of samplers
	Ratio   float64 // for the samplers by ratio

	Resource map[string]string // what describes this server; it has service.name

	// Spans wait in a queue, and go in batches, when there are BatchSize of them or after Delay. A span that finds the queue full is dropped.
	QueueSize, BatchSize int
	Delay, ExportTimeout time.Duration
}

// Samplers of OTEL_TRACES_SAMPLER. Those whose name begins with ParentBased do as the caller's traceparent says, and decide only for others.
const (
	ParentBased = "parentbased_"
	AlwaysOn    = "always_on"
	AlwaysOff   = "always_off"
	ByRatio     = "traceidratio"
)

var samplers = []string{AlwaysOn, AlwaysOff, ByRatio, ParentBased + AlwaysOn, ParentBased + AlwaysOff, ParentBased + ByRatio}

const (
	tracesPath     = "v1/traces"
	localCollector = "http://localhost:4318/" + tracesPath
	serviceName    = "service.name"
	maxQueue       = 1 << 16
	maxTracesWait  = 10 * time.Minute
)

// VariableRead is a variable that has been read.
type VariableRead struct {
	Name, Value string // Value is "" if it is not set
	Default     string
	Secret      bool
}

// Shown is the value that counts, for people.
func (v *VariableRead) Shown() string {
	switch {
	case v.Value == "" && v.Default == "":
		return "-"
	case v.Value == "":
		return v.Default
	case v.Secret:
		return "(not shown)"
	}
	return v.Value
}

// variables reads variables, and notes what is wrong with them. No error repeats a value.
type variables struct {
	getenv func(string) string
	read   []VariableRead
	errs   []error
}

func (v *variables) bad(name, format string, args ...any) {
	v.errs = append(v.errs, fmt.Errorf(name+": "+format, args...))
}

// text returns the first of the variables that is set, and its name.
func (v *variables) text(or string, names ...string) (name, value string) {
	for _, n := range names {
		given, err := Variable(v.getenv, n)
		if err != nil {
			v.errs = append(v.errs, err)
		}
		v.read = append(v.read, VariableRead{Name: n, Value: given, Default: or})
		if value == "" && given != "" {
			name, value = n, given
		}
	}
	if value == "" {
		return names[0], or
	}
	return name, value
}

// otlp is text for a variable that traces may have apart from what else is exported.
func (v *variables) otlp(or, what string) (name, value string) {
	return v.text(or, "OTEL_EXPORTER_OTLP_TRACES_"+what, "OTEL_EXPORTER_OTLP_"+what)
}

func (v *variables) oneOf(name, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		last := len(allowed) - 1
		v.bad(name, "must be %s or %s", strings.Join(allowed[:last], ", "), allowed[last])
	}
}

// number reads a whole number from 1 to most.
func (v *variables) number(name, value string, most int) int {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > most {
		v.bad(name, "must be a whole number from 1 to %d", most)
	}
	return n
}

// wait reads a time in milliseconds.
func (v *variables) wait(name, value string) time.Duration {
	return time.Duration(v.number(name, value, int(maxTracesWait.Milliseconds()))) * time.Millisecond
}

// pairs reads name=value, separated by commas, percent-encoded where that is necessary (OpenTelemetry takes it from W3C Baggage).
func (v *variables) pairs(name, value string) map[string]string {
	list := map[string]string{}
	for pair := range strings.SplitSeq(value, ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		key, text, ok := strings.Cut(pair, "=")
		key, badKey := url.PathUnescape(strings.TrimSpace(key))
		text, badText := url.PathUnescape(strings.TrimSpace(text))
		if !ok || key == "" || badKey != nil || badText != nil {
			v.bad(name, "must be like name=value,name2=value2, with %%2C for a comma")
			return nil
		}
		list[key] = text
	}
	return list
}

// readTracing reads OpenTelemetry's variables. The result is nil if traces are off: no variable says where they go.
func readTracing(getenv func(string) string) (*Tracing, []VariableRead, error) {
	v := &variables{getenv: getenv}
	t := &Tracing{}
	name, disabled := v.text("false", "OTEL_SDK_DISABLED")
	v.oneOf(name, strings.ToLower(disabled), "true", "false")
	name, exporter := v.text("", "OTEL_TRACES_EXPORTER")
	v.oneOf(name, exporter, "otlp", "none", "")
	at, endpoint := v.otlp("", "ENDPOINT")
	off := strings.EqualFold(disabled, "true") || exporter == "none" || endpoint == "" && exporter == ""
	if endpoint == "" {
		endpoint = localCollector
	}
	t.readExporter(v, at, endpoint)
	t.readSampler(v)
	t.readResource(v)
	t.readQueue(v)
	if off {
		return nil, v.read, nil // whatever the others say
	}
	return t, v.read, errors.Join(v.errs...)
}

func (t *Tracing) readExporter(v *variables, at, endpoint string) {
	u, err := url.Parse(endpoint)
	for i := range v.read { // a query may be a key
		v.read[i].Secret = v.read[i].Name == at && (err != nil || u.User != nil || u.RawQuery != "")
	}
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Fragment != "":
		v.bad(at, "must be like http://collector.example.com:4318")
	case u.User != nil:
		v.bad(at, "must have no user name and no password; send them in OTEL_EXPORTER_OTLP_HEADERS")
	case !strings.Contains(at, "TRACES"): // which is of everything that is exported
		u = u.JoinPath(tracesPath)
	}
	t.Endpoint = u
	name, protocol := v.otlp("http/protobuf", "PROTOCOL")
	switch protocol {
	case "http/protobuf":
	case "grpc":
		v.bad(name, "grpc is not supported; set http/protobuf, and the endpoint to the collector's port for it, which is mostly 4318")
	default:
		v.bad(name, "must be http/protobuf")
	}
	name, headers := v.otlp("", "HEADERS")
	v.read[len(v.read)-1].Secret, v.read[len(v.read)-2].Secret = true, true
	t.Header = http.Header{}
	for key, value := range v.pairs(name, headers) {
		if strings.ContainsFunc(key, notHeaderName) || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
			v.bad(name, "has a name or a value that no HTTP header may have")
		}
		t.Header.Set(key, value)
	}
	name, compression := v.otlp("none", "COMPRESSION")
	v.oneOf(name, compression, "gzip", "none")
	t.Gzip = compression == "gzip"
	t.Timeout = v.wait(v.otlp("10000", "TIMEOUT"))
	_, t.Certificate = v.otlp("", "CERTIFICATE")
	_, t.ClientCertificate = v.otlp("", "CLIENT_CERTIFICATE")
	if name, t.ClientKey = v.otlp("", "CLIENT_KEY"); (t.ClientKey == "") != (t.ClientCertificate == "") {
		v.bad(name, "give both the client's certificate and its key, or neither")
	}
}

// notHeaderName reports whether r is invalid in the name of a header field (RFC 9110, section 5.6.2).
func notHeaderName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

func (t *Tracing) readSampler(v *variables) {
	name, sampler := v.text(ParentBased+AlwaysOn, "OTEL_TRACES_SAMPLER")
	v.oneOf(name, sampler, samplers...)
	t.Sampler, t.Ratio = sampler, 1
	name, arg := v.text("", "OTEL_TRACES_SAMPLER_ARG")
	if arg == "" || !strings.HasSuffix(sampler, ByRatio) {
		return // the others have none
	}
	ratio, err := strconv.ParseFloat(arg, 64)
	if err != nil || !(ratio >= 0 && ratio <= 1) {
		v.bad(name, "must be from 0 to 1")
	}
	t.Ratio = ratio
}

func (t *Tracing) readResource(v *variables) {
	name, attributes := v.text("", "OTEL_RESOURCE_ATTRIBUTES")
	t.Resource = map[string]string{serviceName: "hookgraph"}
	maps.Copy(t.Resource, v.pairs(name, attributes))
	_, service := v.text("", "OTEL_SERVICE_NAME")
	if service != "" {
		t.Resource[serviceName] = service
	}
	v.read[len(v.read)-1].Default = t.Resource[serviceName]
}

func (t *Tracing) readQueue(v *variables) {
	text := func(or, name string) (string, string) { return v.text(or, name) }
	t.Delay = v.wait(text("5000", "OTEL_BSP_SCHEDULE_DELAY"))
	t.ExportTimeout = v.wait(text("30000", "OTEL_BSP_EXPORT_TIMEOUT"))
	name, size := text("2048", "OTEL_BSP_MAX_QUEUE_SIZE")
	t.QueueSize = v.number(name, size, maxQueue)
	name, size = text(strconv.Itoa(min(512, max(1, t.QueueSize))), "OTEL_BSP_MAX_EXPORT_BATCH_SIZE")
	if t.BatchSize = v.number(name, size, maxQueue); t.BatchSize > t.QueueSize {
		v.bad(name, "must not be more than OTEL_BSP_MAX_QUEUE_SIZE")
	}
}
