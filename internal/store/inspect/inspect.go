// Package inspect looks for damage in a database, without changing it: rows whose parents do not exist, deliveries that nobody will attempt, and
// numbers that differ from the rows that they count.
package inspect

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
)

// Problem is something that is wrong in a database.
type Problem struct {
	Text   string // what is wrong, and where
	Advice string // what to do
}

// Result is the result of one check.
type Result struct {
	Check    string
	Problems []Problem
}

// Inspection is what to inspect.
type Inspection struct {
	DB   dialect.DB
	Read *gorm.DB // as DB opened it
	Now  time.Time
	// Key returns an error unless the master key with the id is given.
	Key func(id string) error
	// StatsRetention is how long statistics are kept.
	StatsRetention time.Duration
	// Quick leaves out the checks that read whole tables.
	Quick bool
}

// check is one check. Its error is the database's.
type check struct {
	name  string
	whole bool // it reads whole tables
	run   func(i *Inspection, db *gorm.DB) ([]Problem, error)
}

var checks = []check{
	{"files and indexes", true, (*Inspection).files},
	{"master keys", false, (*Inspection).keys},
	{"parents of rows", true, (*Inspection).parents},
	{"ended deliveries", false, (*Inspection).ended},
	{"pending deliveries", true, (*Inspection).stuck},
	{"ordering", true, (*Inspection).lines},
	{"filters", true, (*Inspection).filters},
	{"backlog", false, (*Inspection).backlog},
	{"journal of statistics", false, (*Inspection).journal},
	{"statistics", true, (*Inspection).statistics},
}

// Run runs the checks. A check that the database refuses is a problem too; the error is only ctx's.
func (i *Inspection) Run(ctx context.Context) ([]Result, error) {
	var results []Result
	for _, c := range checks {
		if i.Quick && c.whole {
			continue
		}
		problems, err := i.one(ctx, &c)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			problems = append(problems, Problem{"it cannot be read: " + err.Error(), restore})
		}
		results = append(results, Result{c.name, problems})
	}
	return results, nil
}

func (i *Inspection) one(ctx context.Context, c *check) (problems []Problem, err error) {
	db := i.Read.WithContext(ctx)
	if db.Name() != "postgres" {
		return c.run(i, db)
	}
	err = db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Exec("SET LOCAL statement_timeout = 0").Error; err != nil { // it reads whole tables
			return err
		}
		problems, err = c.run(i, tx)
		return err
	})
	return problems, err
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
	return append(all[:mostShown:mostShown], Problem{fmt.Sprintf("%d more", len(all)-mostShown), all[0].Advice})
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
