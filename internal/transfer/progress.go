package transfer

import "time"

// Step is a step of a copy, a backup, a restoration, or of making a database smaller.
type Step string

// Compacting is the only step of making a database smaller.
const Compacting Step = "removing free pages"

// The steps of a copy, in order; each is completed for all tables before the next.
const (
	Copying  Step = "copying"
	Indexing Step = "indexing" // in the target, which has no indexes while rows are copied
	Checking Step = "checking" // that the target has what the source has
)

// Progress is the progress of a copy, a backup, a restoration, or of making a database smaller.
type Progress struct {
	Step     Step
	Table    string        // "" for the whole database
	Done, Of int64         // rows of the table, or pages of the database; Done is 0 while Indexing
	Left     time.Duration // estimated remaining time; 0 while unknown
}

// Relative costs of the steps per row.
const (
	costCopying  = 1.0
	costIndexing = 0.6
	costChecking = 0.3
	// The part of the whole before which the remaining time is unknown.
	leastKnown = 0.02
)

// estimate estimates the remaining time from the rows so far.
type estimate struct {
	say         func(Progress)
	begun       time.Time
	done, total float64 // in costs of rows
	now         Progress
}

func newEstimate(tables []CopiedTable, say func(Progress)) *estimate {
	e := &estimate{say: say, begun: time.Now()}
	for _, t := range tables {
		e.total += float64(t.Rows) * (costCopying + costIndexing + costChecking)
	}
	return e
}

// step begins a step of a table, or continues it.
func (e *estimate) step(step Step, t *CopiedTable) {
	if e.now.Step == step && e.now.Table == t.Name {
		return
	}
	if e.now.Step == Indexing {
		e.done += float64(e.now.Of) * costIndexing
	}
	e.now = Progress{Step: step, Table: t.Name, Of: t.Rows}
	e.tell()
}

// pages tells how many pages of a database a step has done; it estimates no time.
func (e *estimate) pages(step Step, done, of int) {
	if e.say != nil {
		e.say(Progress{Step: step, Done: int64(done), Of: int64(of)})
	}
}

// rows adds completed rows.
func (e *estimate) rows(n int) {
	if n == 0 {
		return
	}
	cost := costCopying
	if e.now.Step == Checking {
		cost = costChecking
	}
	e.now.Done += int64(n)
	e.done += float64(n) * cost
	e.tell()
}

func (e *estimate) tell() {
	if e.say == nil {
		return
	}
	e.now.Left = e.left(time.Since(e.begun))
	e.say(e.now)
}

// left returns the estimated remaining time.
func (e *estimate) left(spent time.Duration) time.Duration {
	if e.done < leastKnown*e.total || e.done == 0 {
		return 0
	}
	return time.Duration(float64(spent) * max(0, e.total-e.done) / e.done)
}
