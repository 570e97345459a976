package transfer

import "time"

// Step is what a copy does with a table.
type Step string

// The steps, in order; each is done with all tables before the next.
const (
	Copying  Step = "copying"
	Indexing Step = "indexing" // in the target, which is copied into without indexes
	Checking Step = "checking" // that the target has what the source has
)

// Progress says how far a copy is.
type Progress struct {
	Step     Step
	Table    string
	Done, Of int64         // rows of the table; Done is 0 while Indexing
	Left     time.Duration // about as long as the rest takes; 0 while that is not known
}

// What the steps take for a row, in proportion.
const (
	costCopying  = 1.0
	costIndexing = 0.6
	costChecking = 0.3
	// Before so much of all is done, nothing is said of the rest.
	leastKnown = 0.02
)

// estimate reckons how long the rest takes from how long the rows before took.
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

// step begins a step with a table, or goes on with it.
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

// rows adds rows that are done.
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

// left is how long the rest takes, after so long.
func (e *estimate) left(spent time.Duration) time.Duration {
	if e.done < leastKnown*e.total || e.done == 0 {
		return 0
	}
	return time.Duration(float64(spent) * max(0, e.total-e.done) / e.done)
}
