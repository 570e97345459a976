// Package inspect looks for damage in a database, without changing it: rows whose parents do not exist, deliveries that nobody will attempt, and
// numbers that differ from the rows that they count.
package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
)

// Problem is something that is wrong in a database.
type Problem struct {
	Text   string // what is wrong, and where
	Advice string // what to do
	// Minor problems harm nothing now.
	Minor bool
}

// Result is the result of one check.
type Result struct {
	Check    string
	Problems []Problem
	// Cut says what was not looked at, because a bound was reached; "" if everything was.
	Cut string
	// Passed means that nothing was looked at, because of that.
	Passed bool
	// Because names the check whose problems are those of this one too; "" if it ran.
	Because string
	Took    time.Duration
}

// Inspection is what to inspect.
type Inspection struct {
	DB   dialect.DB
	Read *gorm.DB // as DB opened it
	Now  func() time.Time
	// Key returns an error unless the master key with the id is given.
	Key func(id string) error
	// Opens opens sealed values of a table, at most limit or all if that is 0, and returns how many there were and which rows' could not be
	// opened although their key is given.
	Opens func(db *gorm.DB, table string, limit int) (looked int, broken []string, err error)
	// StatsRetention is how long statistics are kept.
	StatsRetention time.Duration
	Bounds
}

// Bounds limit what each check reads; zero values mean no limit.
type Bounds struct {
	Within time.Duration
	// Rows of a table that are looked at, the newest first. Checks that read a table in one statement read none with more rows.
	Rows int
	// Only names the checks to run; nil means all.
	Only []string
}

// check is one check. Its error is the database's.
type check struct {
	name string
	run  func(l *look) ([]Problem, error)
	// The check finds the problems of these, too, so it does not run after them.
	after []string
}

var checks = []check{
	{name: "files and indexes", run: (*look).files},
	{name: "settings", run: (*look).settings},
	{name: "master keys", run: (*look).keys},
	{name: "sealed values", run: (*look).sealed, after: []string{"master keys"}},
	{name: "parents of rows", run: (*look).parents},
	{name: "numbering", run: (*look).numbering},
	{name: "ended deliveries", run: (*look).ended},
	{name: "pending deliveries", run: (*look).stuck},
	{name: "ordering", run: (*look).lines},
	{name: "filters", run: (*look).filters},
	{name: "clock", run: (*look).clock},
	{name: "backlog", run: (*look).backlog, after: []string{"ended deliveries", "pending deliveries"}},
	{name: "journal of statistics", run: (*look).journal},
	{name: "statistics", run: (*look).statistics, after: []string{"journal of statistics"}},
}

// Checks returns the names of all checks.
func Checks() (names []string) {
	for _, c := range checks {
		names = append(names, c.name)
	}
	return names
}

// look is one run of a check.
type look struct {
	*Inspection

	ctx context.Context
	db  *gorm.DB
	cut []string
	// passed is set if nothing was looked at.
	passed bool
}

// Run runs the checks. A check that the database refuses is a problem too; the error is only ctx's.
func (i *Inspection) Run(ctx context.Context) ([]Result, error) {
	var results []Result
	found := map[string]bool{}
	for _, c := range checks {
		if i.Only != nil && !slices.Contains(i.Only, c.name) {
			continue
		}
		if n := slices.IndexFunc(c.after, func(name string) bool { return found[name] }); n >= 0 {
			results = append(results, Result{Check: c.name, Because: c.after[n]})
			continue
		}
		r, err := i.one(ctx, &c)
		if err != nil {
			return nil, err
		}
		found[c.name] = len(r.Problems) > 0
		results = append(results, r)
	}
	return results, nil
}

// one runs a check until its time is over.
func (i *Inspection) one(ctx context.Context, c *check) (Result, error) {
	started, limited := time.Now(), ctx
	if i.Within > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, i.Within)
		defer cancel()
	}
	l := &look{Inspection: i, ctx: limited, db: i.Read.WithContext(limited)}
	problems, err := l.inside(c)
	switch {
	case ctx.Err() != nil:
		return Result{}, context.Cause(ctx)
	case limited.Err() != nil && err != nil:
		l.cut = append(l.cut, fmt.Sprintf("what does not fit into %v", i.Within))
	case err != nil:
		problems = append(problems, Problem{Text: "it cannot be read: " + err.Error(), Advice: restore})
	}
	return Result{Check: c.name, Problems: problems, Cut: strings.Join(l.cut, "; "), Passed: l.passed, Took: time.Since(started)}, nil
}

// inside runs a check in a transaction, if the database ends statements that take long.
func (l *look) inside(c *check) (problems []Problem, err error) {
	if l.db.Name() != "postgres" {
		return c.run(l)
	}
	err = l.db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Exec(fmt.Sprintf("SET LOCAL statement_timeout = %d", l.Within.Milliseconds())).Error; err != nil { // it reads whole tables
			return err
		}
		l.db = tx
		problems, err = c.run(l)
		return err
	})
	return problems, err
}

// windowRows is how many rows one statement looks at.
const windowRows = 5000

// windows calls f with ranges of a table's seq, the newest rows first: from < seq <= to.
func (l *look) windows(table string, f func(from, to int64) error) error {
	var to *int64
	if err := l.db.Raw("SELECT MAX(seq) FROM " + table).Scan(&to).Error; err != nil || to == nil {
		return err
	}
	for rows := 0; ; {
		if l.Rows > 0 && rows >= l.Rows {
			l.cut = append(l.cut, fmt.Sprintf("rows of %s before the newest %d", table, rows))
			return nil
		}
		var next []int64
		if err := l.db.Raw("SELECT seq FROM "+table+" WHERE seq <= ? ORDER BY seq DESC LIMIT 1 OFFSET ?", *to, windowRows).Scan(&next).Error; err != nil {
			return err
		}
		from := int64(-1)
		if len(next) > 0 {
			from = next[0]
		}
		if err := f(from, *to); err != nil || from < 0 {
			return err
		}
		rows += windowRows
		to = &from
	}
}

// large reports whether a table has more rows than may be read, and notes that it is not looked at.
func (l *look) large(table string) (bool, error) {
	if l.Rows == 0 {
		return false, nil
	}
	var beyond []int64
	if err := l.db.Raw("SELECT seq FROM "+table+" ORDER BY seq DESC LIMIT 1 OFFSET ?", l.Rows).Scan(&beyond).Error; err != nil || len(beyond) == 0 {
		return false, err
	}
	l.passed = true
	l.cut = append(l.cut, fmt.Sprintf("%s, which has more than %d rows", table, l.Rows))
	return true, nil
}

const (
	restore = "restore a backup from before"
	report  = "no version of the program is known to do this: keep a copy, and report it"
)

// mostShown bounds the problems of one kind that are listed one by one.
const mostShown = 10

// shown bounds problems.
func shown(all []Problem) []Problem {
	if len(all) <= mostShown {
		return all
	}
	return append(all[:mostShown:mostShown], Problem{fmt.Sprintf("%d more", len(all)-mostShown), all[0].Advice, all[0].Minor})
}

// mostIDs bounds the rows that one statement finds.
const mostIDs = 1000

// examples says how many ids there are, and names some.
func examples[T fmt.Stringer](ids []T) string {
	count := fmt.Sprint(len(ids))
	if len(ids) > mostIDs {
		count = fmt.Sprintf("more than %d", mostIDs)
	}
	var names []string
	for _, id := range ids[:min(3, len(ids))] {
		names = append(names, id.String())
	}
	if len(names) < len(ids) {
		names = append(names, "…")
	}
	return count + " (" + strings.Join(names, ", ") + ")"
}
