package list

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// condition is a condition of a filter, or a bound of a walk.
type condition struct {
	text string
	args []any
}

// aside returns a condition that no index serves: it is checked for each row.
func (c condition) aside() condition { return condition{"(" + c.text + ") IS TRUE", c.args} }

func where(q *gorm.DB, conditions []condition) *gorm.DB {
	for _, c := range conditions {
		q = q.Where(c.text, c.args...)
	}
	return q
}

// asides returns conditions that no index serves.
func asides(list []condition) []condition {
	for i := range list {
		list[i] = list[i].aside()
	}
	return list
}

// in returns the condition that the column is within the range.
func (t TimeRange) in(column string) []condition {
	var list []condition
	if t.From != nil {
		list = append(list, condition{column + " >= ?", []any{dialect.At(*t.From)}})
	}
	if t.To != nil {
		list = append(list, condition{column + " < ?", []any{dialect.At(*t.To)}})
	}
	return list
}

// texts returns the texts that can be stored. No row has the others, and PostgreSQL refuses to search for them.
func texts(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return !webhook.IsText(s) })
}

// containing keeps rows in which one of the columns contains the text. ASCII letters match in upper and lower case.
func containing(db dialect.DB, text string, columns ...string) condition {
	if !webhook.IsText(text) {
		return nothing
	}
	var either []string
	var args []any
	for _, column := range columns {
		either, args = append(either, db.LowerASCII(column)+" LIKE ? ESCAPE '!'"), append(args, "%"+escapeLike(lowerASCII(text))+"%")
	}
	return condition{strings.Join(either, " OR "), args}
}

// lowerASCII returns the text with ASCII letters in lower case.
func lowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, text)
}

// nothing is a condition that no row meets.
var nothing = condition{text: "1 = 0"}

// in adds the condition that the column has one of the values; without values it keeps all rows.
func in[T any](list []condition, column string, values []T) []condition {
	if len(values) == 0 {
		return list
	}
	return append(list, condition{column + " IN ?", []any{values}})
}

// ofType adds the condition that an event's type matches one of the patterns (webhook.MatchesType); without patterns it keeps all rows.
func ofType(list []condition, column string, patterns []string) []condition {
	if len(patterns) == 0 {
		return list
	}
	types, either := []string{}, condition{}
	for _, p := range texts(patterns) {
		if prefix, ok := webhook.Wildcard(p); ok {
			either.text += " OR substr(" + column + ", 1, ?) = ?"
			either.args = append(either.args, utf8.RuneCountInString(prefix), prefix)
		} else {
			types = append(types, p)
		}
	}
	return append(list, condition{"(" + column + " IN ?" + either.text + ")", append([]any{types}, either.args...)})
}

// subscribing keeps webhooks that get events of the type. The column is a JSON array of strings: with the quotation marks, the search finds
// only whole strings.
func subscribing(eventType string) condition {
	var either []string
	var names []any
	name := func(subscription string) {
		either, names = append(either, "replace(w.events, ?, '') <> w.events"), append(names, `"`+subscription+`"`)
	}
	if !webhook.Operational(eventType) {
		either = append(either, "w.events IS NULL")
		name(webhook.AllPublished)
	}
	if webhook.CheckEventType("", eventType) == nil { // otherwise no event has this type
		name(eventType)
		for i := range len(eventType) {
			if eventType[i] == '.' {
				name(eventType[:i+1] + "*")
			}
		}
	}
	if len(either) == 0 {
		return nothing
	}
	return condition{strings.Join(either, " OR "), names}
}

// escapeLike escapes s for LIKE … ESCAPE '!'.
func escapeLike(s string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(s)
}

// within adds the condition that the column, of four bytes, is in one of the ranges; without ranges it keeps all rows.
func within(list []condition, column string, ranges []IntRange) []condition {
	if len(ranges) == 0 {
		return list
	}
	var either []string
	var args []any
	for _, r := range ranges {
		one := []string{column + " IS NOT NULL"}
		if r.From != nil {
			one, args = append(one, column+" >= ?"), append(args, fourBytes(*r.From))
		}
		if r.To != nil {
			one, args = append(one, column+" <= ?"), append(args, fourBytes(*r.To))
		}
		either = append(either, strings.Join(one, " AND "))
	}
	return append(list, condition{strings.Join(either, " OR "), args})
}

// fourBytes returns the nearest number that PostgreSQL compares with an integer.
func fourBytes(n int) int { return min(max(n, math.MinInt32), math.MaxInt32) }

// all reports whether the webhook gets all published types.
func (s *Subscription) all() bool {
	return len(s.Events) == 0 || slices.Contains(s.Events, webhook.AllPublished)
}

// subscribed keeps events of types that the webhook subscribes to. Tests are of one webhook each, whatever it subscribes to.
func (s *Subscription) subscribed() condition {
	named := slices.DeleteFunc(slices.Clone(s.Events), func(e string) bool { return e == webhook.AllPublished })
	is := condition{text: "1 = 0"}
	for _, c := range ofType(nil, "e.type", named) {
		is = c
	}
	if s.all() {
		is.text += " OR substr(e.type, 1, ?) <> ?"
		is.args = append(is.args, len(webhook.OperationalPrefix), webhook.OperationalPrefix)
	}
	return condition{"(" + is.text + ") AND NOT e.test", is.args}
}

// without keeps events of which the webhook has no delivery.
func (s *Subscription) without(db dialect.DB) condition {
	return condition{"NOT EXISTS (SELECT 1 FROM deliveries AS md WHERE md.event_id = e.id AND md.webhook_id = ? AND md.tenant_id = e.tenant_id" + db.SameDay("md", "e") + ")", []any{s.Webhook}}
}

// tagged keeps rows that have one of the tags. The column is a JSON array of strings: a quotation mark after a bracket or a comma begins a
// string, because quotation marks within strings are escaped by a backslash.
func tagged(column string, tags []string) condition {
	var either []string
	var args []any
	for _, tag := range texts(tags) {
		text, err := json.Marshal(tag) // as dialect.Params stores it
		if err != nil {
			continue // not a string
		}
		for _, before := range []string{"[", ","} {
			either, args = append(either, "replace("+column+", ?, '') <> "+column), append(args, before+string(text))
		}
	}
	if len(either) == 0 {
		return nothing
	}
	return condition{strings.Join(either, " OR "), args}
}

// firstTag keeps an event in the branch of the first of the tags that it has, in the order of their texts, so that no page has it
// twice. Only one index serves it.
func firstTag(tags []any) condition {
	return condition{"NOT EXISTS (SELECT 1 FROM event_tags AS og WHERE og.event_id = g.event_id AND og.tenant_id = g.tenant_id AND og.tag IN ? AND og.tag < g.tag)", []any{tags}}
}

// ofEvent returns a condition on the event, ev, of a delivery.
func ofEvent(db dialect.DB, c condition) condition {
	return condition{"(SELECT (" + c.text + ") FROM events AS ev WHERE ev.id = d.event_id" + db.SameDay("ev", "d") + ")", c.args}
}

// ofLastAttempt returns a condition on the last attempt, la, of a delivery.
func ofLastAttempt(db dialect.DB, all []condition) condition {
	var texts []string
	var args []any
	for _, c := range all {
		texts, args = append(texts, "("+c.text+")"), append(args, c.args...)
	}
	return condition{"(SELECT " + strings.Join(texts, " AND ") + " FROM attempts AS la WHERE " + isLast(db) + ")", args}
}

// lastError is the error of a delivery's last attempt.
func lastError(db dialect.DB) string {
	return "(SELECT la.error FROM attempts AS la WHERE " + isLast(db) + ")"
}

// isLast is the condition that la is the last attempt of the delivery.
func isLast(db dialect.DB) string {
	return "la.delivery_id = d.id AND la.number = d.attempt_count" + db.SameDay("la", "d") + " AND (la.tenant_id = d.tenant_id) IS TRUE"
}
