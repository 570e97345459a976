package doctor

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/seal"
	"github.com/hookgraph/hookgraph/internal/store"
)

// told is how a check of the store is shown.
type told struct{ name, fine, means string }

// databaseChecks are the store's checks by its names.
var databaseChecks = map[string]told{
	"files and indexes":     {"files-and-indexes", "no damage", "what is stored may be lost, or found only in part"},
	"settings":              {"postgresql", "its settings are right", "the server does not work, or loses what was acknowledged"},
	"master keys":           {"master-key", "everything that is sealed has its key", "the server does not start, because it cannot sign"},
	"sealed values":         {"sealed-values", "they open", "the server does not start, because it cannot sign"},
	"parents of rows":       {"parents", "they exist", "a part of the history is lost"},
	"numbering":             {"numbering", "attempts are numbered without gaps", "a part of the history is lost"},
	"ended deliveries":      {"ended-deliveries", "none is due", "they would be sent although they have ended"},
	"pending deliveries":    {"pending-deliveries", "each will be attempted", "they are never sent"},
	"ordering":              {"ordering", "every ordering key goes on", "their deliveries are not sent"},
	"filters":               {"filters", "valid", "their webhooks get no events"},
	"clock":                 {"clock", "the clocks agree", "retries come at wrong times; receivers refuse signatures that differ by more than 5 minutes"},
	"backlog":               {"backlog", "the numbers agree with the deliveries", "the dashboard, metrics and quotas show wrong numbers"},
	"journal of statistics": {"statistics-journal", "short", "statistics are late, and reads of them slow"},
	"statistics":            {"statistics", "they have counted what is stored", "the dashboard shows numbers that are too low"},
}

// database opens the database and runs the store's checks.
func (e *examination) database(ctx context.Context) {
	if !e.postgres() && e.found("data-directory") == Failed {
		e.skipDatabase("database", "see data-directory")
		return
	}
	o := store.At(e.Config.Database)
	o.MasterKeys, o.StatsRetention, o.Now = e.Config.MasterKeys, e.Config.StatisticsRetention, e.Host.Now
	started := time.Now()
	results, err := store.Inspect(ctx, o, store.InspectionBounds{Within: e.Within, Rows: e.Rows})
	if ctx.Err() != nil {
		return
	}
	took := time.Since(started)
	unfit, refused := errors.AsType[store.Unfit](err)
	switch {
	case refused:
		e.add("database", fine(e.Config.Place()), took)
		e.add("postgresql", failed(unfit.Text, "the server does not start", unfit.Advice), 0)
		e.skipDatabase("schema", "see postgresql")
	case store.IsSchemaFault(err):
		e.add("database", fine(e.Config.Place()), took)
		e.schema(err)
	case err != nil:
		e.add("database", failed(err.Error(), "the server does not start", "correct what it says; if the data is damaged, stop the server and restore a whole backup"), took)
		e.skipDatabase("schema", "see database")
	default:
		for _, r := range results {
			took -= r.Took
		}
		e.add("database", fine(e.Config.Place()), took)
		e.add("schema", fine("this program's"), 0)
		e.inspected(results)
	}
}

// itself examines the database of a running server.
func (e *examination) itself(ctx context.Context) {
	if e.check(ctx, "database", func(ctx context.Context) finding {
		if err := e.Running.Ready(ctx); err != nil {
			return failed(err.Error(), "the server accepts no calls that write", "correct what it says; the log of the server says more")
		}
		return fine(e.Config.Place())
	}).status == Failed {
		e.skipDatabase("", "see database")
		return
	}
	results, err := e.Running.Inspect(ctx, store.InspectionBounds{Within: e.Within, Rows: e.Rows})
	if err == nil {
		e.inspected(results)
	}
}

// schema explains why the schema is not this program's.
func (e *examination) schema(err error) {
	f := failed(err.Error(), "this program cannot use the database", "do what it says")
	if store.IsOlderSchema(err) {
		f = warned(err.Error(), "the next start of the server migrates the database; older programs cannot use it afterwards", "back it up, and start the server")
	}
	e.add("schema", f, 0)
	e.skipDatabase("", "see schema")
}

// found returns the status of a check that was made.
func (e *examination) found(name string) Status {
	for _, r := range e.results {
		if r.Name == name {
			return r.Status
		}
	}
	return ""
}

// skipDatabase adds the checks of the database from one on ("" for those after schema), except those that were made.
func (e *examination) skipDatabase(from, why string) {
	names := []string{"database", "schema"}
	names = names[max(0, slices.Index(names, from)):]
	if from == "" {
		names = nil
	}
	for _, check := range store.InspectionChecks() {
		names = append(names, databaseChecks[check].name)
	}
	for _, name := range names {
		if e.found(name) == "" {
			e.add(name, skipped(why), 0)
		}
	}
}

// keyFile returns what is wrong with the file of the master key; "" if there is none.
func (e *examination) keyFile() string {
	if e.postgres() || len(e.Config.MasterKeys) > 0 {
		return ""
	}
	if _, err := seal.ReadFile(filepath.Join(e.Config.Database, seal.FileName)); err != nil {
		return err.Error()
	}
	return ""
}

// inspected adds the store's results.
func (e *examination) inspected(results []store.Inspection) {
	for _, r := range results {
		is := databaseChecks[r.Check]
		f := finding{found: is.fine, cut: r.Cut}
		switch {
		case r.Because != "":
			f = skipped("see " + databaseChecks[r.Because].name)
		case is.name == "postgresql" && !e.postgres():
			f = skipped("the database is SQLite")
		case is.name == "master-key" && e.keyFile() != "":
			f = failed(e.keyFile(), is.means, "put the file back from a backup, with mode 0600, or give the key in HOOKGRAPH_MASTER_KEY")
		case len(r.Problems) > 0:
			f = problems(r.Problems, is.means)
			f.cut = r.Cut
		case r.Passed:
			f = skipped("it reads whole tables, and one has too many rows; hookgraph doctor --full reads them")
			f.cut = r.Cut
		case r.Cut != "":
			f.found = "nothing is wrong in what was looked at"
		}
		e.add(is.name, f, r.Took)
	}
}

// problems joins what one check found.
func problems(all []store.InspectionProblem, means string) finding {
	f := warned("", means, "")
	var found, do []string
	for _, p := range all {
		found = append(found, p.Text)
		if !slices.Contains(do, p.Advice) {
			do = append(do, p.Advice)
		}
		if !p.Minor {
			f.status = Failed
		}
	}
	f.found, f.do = strings.Join(found, "\n"), strings.Join(do, "\n")
	return f
}

// Check that every check of the store has a name here.
func init() {
	for _, name := range store.InspectionChecks() {
		if databaseChecks[name].name == "" {
			panic(fmt.Sprintf("doctor: the check %q of the store has no name", name))
		}
	}
}
