package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Kind is the type of a metric.
type Kind string

// The kinds.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Family is a metric with its labels.
type Family struct {
	Name, Help string
	Kind       Kind
	Labels     []string
	// Shared is a metric of the database, which one replica shows for all.
	Shared bool

	desc *prometheus.Desc
}

// all are the metrics in the order in which docs/operating.md has them. Those of the Go runtime and of the process come from client_golang.
var all []*Family

// Families lists the metrics of the server.
func Families() []Family {
	var list []Family
	for _, f := range all {
		c := *f
		c.Labels = slices.Clone(f.Labels)
		list = append(list, c)
	}
	return list
}

func family(kind Kind, name, help string, labels ...string) *Family {
	f := &Family{Name: "hookgraph_" + name, Help: help, Kind: kind, Labels: labels}
	f.desc = prometheus.NewDesc(f.Name, help, labels, nil)
	all = append(all, f)
	return f
}

func shared(name, help string, labels ...string) *Family {
	f := family(Gauge, name, help, labels...)
	f.Shared = true
	return f
}

// Requests.
var (
	httpRequests = family(Counter, "http_requests_total",
		"HTTP requests that were answered, by surface (rest, graphql, pages, health, description, test-receiver), route, method and status.",
		"surface", "route", "method", "code")
	httpDuration = family(Histogram, "http_request_duration_seconds",
		"How long HTTP requests took, but those of GraphQL, which may be streams.", "surface")
	operations = family(Counter, "graphql_operations_total",
		"GraphQL operations that ended, by transport (http, sse, websocket), type (query, mutation, subscription; invalid if that is not known) and the code of the first error (OK: none).",
		"transport", "type", "code")
	operationDuration = family(Histogram, "graphql_operation_duration_seconds",
		"How long GraphQL queries and mutations took, with writing the answer.", "transport", "type")
	operationsRunning = family(Gauge, "graphql_operations_running", "GraphQL operations that run, subscriptions included.")
	streams           = family(Gauge, "streams_open", "Streams of server-sent events, and WebSockets, that are open.", "transport")
	streamsLimit      = family(Gauge, "streams_limit",
		"How many streams and WebSockets callers may have open: one tenant at most a quarter of them, one token an eighth.")
	messages = family(Counter, "stream_messages_total", "Messages of subscriptions that were sent.", "transport")
	watchers = family(Gauge, "stream_watchers",
		"Subscriptions to delivery attempts that are current, or behind: they resume, or their clients read slowly.", "state")
	streamLag = family(Gauge, "stream_lag_seconds", "For how long the subscription that is the furthest behind has been so.")
)

// Deliveries.
var (
	events  = family(Counter, "events_published_total", "Events that were published.")
	started = family(Counter, "deliveries_started_total",
		"Deliveries that became pending: created, retried by hand after their end, or made due by a replay, again after each pause.")
	completed = family(Counter, "deliveries_completed_total", "Deliveries that ended, by status (succeeded, failed, canceled).", "status")
	attempts  = family(Counter, "delivery_attempts_total",
		"Attempts that were recorded, by outcome (succeeded, failed) and trigger (schedule, manual, replay, test).", "outcome", "trigger")
	errorsOf        = family(Counter, "delivery_attempt_errors_total", "Attempts that failed, by error code.", "code")
	responses       = family(Counter, "delivery_responses_total", "Attempts that were answered, by the class of the HTTP status (2xx and so on).", "class")
	retries         = family(Counter, "delivery_retries_total", "Attempts after a delivery's first.")
	attemptDuration = family(Histogram, "delivery_attempt_duration_seconds", "How long attempts took.")
	arrival         = family(Histogram, "delivery_arrival_seconds",
		"The time from an event's publication, or its deliverAt, to the beginning of the receiver's first response, whatever that says; of first attempts by the schedule.")
	latency = family(Histogram, "delivery_latency_seconds",
		"The time from an event's publication to the success of its delivery, with retries, but without those by hand and replays.")
	tenantEvents   = family(Counter, "tenant_events_published_total", "Events that were published, of the tenants that --metrics-tenants allows.", "tenant")
	tenantAttempts = family(Counter, "tenant_delivery_attempts_total",
		"Attempts that were recorded, by outcome, of the tenants that --metrics-tenants allows.", "tenant", "outcome")
)

// The backlog, which is the database's.
var (
	backlog = shared("backlog_deliveries",
		"Deliveries that wait: due (beyond 100,000, all that are pending), scheduled (for a retry, their deliverAt, or in line), and held (their webhook is disabled).",
		"state")
	oldestDue    = shared("backlog_oldest_due_age_seconds", "Since when the delivery that has waited longest is due; 0 if none is.")
	webhooks     = shared("webhooks", "Webhooks, by state (enabled, disabled).", "state")
	tenants      = shared("tenants", "Tenants.")
	nodes        = shared("nodes", "Processes that share the deliveries.")
	certificates = shared("webhook_certificates",
		"Client certificates of enabled webhooks, by state: expired, and expiring within 7 days (of 10,000, the last to expire).", "state")
)

// The sender.
var (
	inFlight = family(Gauge, "attempts_in_flight",
		"Attempts that run: quick ones, which should end soon, and slow ones, to receivers that are slow, failing or new.", "class")
	inFlightLimit = family(Gauge, "attempts_in_flight_limit", "How many attempts may run: --concurrency, unless there are too few open files.")
	quickLimit    = family(Gauge, "attempts_quick_limit", "How many attempts may be quick, so that this host keeps up.")
	unmade        = family(Counter, "attempts_unmade_total", "Attempts that this host could not make, which are not recorded.")
	short         = family(Gauge, "host_short", "1 while deliveries wait because this host lacks what attempts need (descriptors, ports, memory, network).")
	heldInMemory  = family(Gauge, "sender_deliveries", "Deliveries in memory.")
	heldBytes     = family(Gauge, "sender_deliveries_bytes", "Memory that deliveries take.")
	heldLimit     = family(Gauge, "sender_deliveries_limit_bytes", "Memory that deliveries may take.")
	claims        = family(Gauge, "sender_claims", "Claims of due deliveries that are being read.")
)

// The writer and the database.
var (
	batchSize      = family(Histogram, "writer_batch_size", "Calls, results of attempts, and pieces of large fan-outs in a transaction of the writer.")
	transactionFor = family(Histogram, "writer_transaction_duration_seconds", "How long transactions of the writer took, with their commit.")
	refused        = family(Counter, "writer_transactions_failed_total", "Transactions of the writer that failed.")
	queue          = family(Gauge, "writer_queue_length", "Calls and results of attempts that wait for the writer.", "kind")
	stuck          = family(Gauge, "writer_stuck", "1 while attempts cannot be recorded, and recording them is tried again.")
	ready          = family(Gauge, "ready", "1 if the server is ready, as /readyz says.")
	databaseSize   = shared("database_size_bytes", "Size of the database, without SQLite's write-ahead log.")
	logSize        = shared("database_wal_size_bytes", "Size of SQLite's write-ahead log.")
	diskFree       = shared("disk_free_bytes", "Free space of the file system of the data directory (SQLite, on Linux).")
	diskSize       = shared("disk_size_bytes", "Size of the file system of the data directory (SQLite, on Linux).")
)

// Work by the clock.
var (
	oldestEvent  = shared("retention_oldest_event_timestamp_seconds", "When the oldest stored event was published.")
	removed      = family(Counter, "retention_removed_events_total", "Events that retention has removed.")
	retention    = family(Gauge, "retention_seconds", "--retention; 0 keeps events forever.")
	taskRuns     = family(Counter, "task_runs_total", "Runs of a task that have ended.", "task")
	taskErrors   = family(Counter, "task_errors_total", "Runs of a task that have failed.", "task")
	taskInARow   = family(Gauge, "task_consecutive_errors", "Runs of a task that have failed since the last that succeeded.", "task")
	taskSucceded = family(Gauge, "task_last_success_timestamp_seconds",
		"When a run of a task last succeeded, in this process; its start before the first. Exclusive tasks run in one replica at a time: take the latest.", "task")
	taskTook     = family(Gauge, "task_last_duration_seconds", "How long the last run of a task took.", "task")
	taskRunning  = family(Gauge, "task_running", "1 while a task runs.", "task")
	taskInterval = family(Gauge, "task_interval_seconds", "The time between two runs of a task.", "task")
)

// The process.
var (
	openFiles = family(Gauge, "open_files",
		"Files that the process has open (Linux). Other than process_open_fds it can be told when no other file can be opened.")
	openFilesLimit = family(Gauge, "open_files_limit", "How many files the process may have open (Linux).")
	certificate    = family(Gauge, "certificate_expiry_timestamp_seconds", "When the certificate of --tls-cert that is served expires; absent without one.")
	spans          = family(Counter, "trace_spans_total",
		"Spans of traces that ended: sent, dropped (as many waited as OTEL_BSP_MAX_QUEUE_SIZE allows), or failed (the collector did not take them).", "outcome")
	build = family(Gauge, "build_info", "1, with the version of the program, the kind of database and the version of Go.", "version", "database", "goversion")
)
