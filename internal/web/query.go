package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/filter"
)

// listing is a page of a list.
type listing[R any] struct {
	Object  string `json:"object"`
	Data    []R    `json:"data"`
	HasMore bool   `json:"has_more"`
	// Next is the value of `after` for the next page; null on the last.
	Next *string `json:"next"`
	// SearchedTo is the time up to which a page was searched that ended before it was full; absent if it is full or the list has ended.
	SearchedTo *second `json:"searched_to,omitempty"`
}

// rows is a list of stored rows of type T, which are shown as R.
type rows[T, R any] struct {
	kind  cursor.Kind
	cost  int                  // of each row of a page
	given map[string]parameter // the conditions
	check func() error         // of the conditions, when they have been read; nil: there are none
	read  func(p store.Page) (*store.List[T], error)
	show  func(all []*T) ([]R, error)
}

// listRows answers with a page of rows, which is paid for before it is read.
func listRows[T, R any](s *server, r *request, l *rows[T, R]) (int, any, error) {
	page, err := r.page(l.kind, l.given)
	if err != nil {
		return 0, nil, err
	}
	if l.check != nil {
		if err := l.check(); err != nil {
			return 0, nil, conditionsOf(err)
		}
	}
	if err := s.charge(r.Request, l.cost*page.First); err != nil {
		return 0, nil, err
	}
	found, err := l.read(page)
	if err != nil {
		return 0, nil, err
	}
	shown, err := l.show(found.Items)
	if err != nil {
		return 0, nil, err
	}
	answer := &listing[R]{Object: "list", Data: shown, HasMore: found.HasNext, SearchedTo: (*second)(found.SearchedTo)}
	if found.HasNext {
		answer.Next = new(r.scope.CursorAt(l.kind, store.Place{At: found.EndAt, Seq: found.End}))
	}
	return http.StatusOK, answer, nil
}

// each shows rows one by one.
func each[T, R any](show func(*T) R) func(all []*T) ([]R, error) {
	return func(all []*T) ([]R, error) {
		shown := make([]R, len(all))
		for i, one := range all {
			shown[i] = show(one)
		}
		return shown, nil
	}
}

const maxPage = store.MaxPage

// page reads the query of a list: limit, after, and the parameters that the list has besides.
func (r *request) page(k cursor.Kind, others map[string]parameter) (store.Page, error) {
	q, err := r.parameters()
	if err != nil {
		return store.Page{}, err
	}
	return pageOf(q, r.place(k), others)
}

// parameters reads the query. What url.URL.Query would pass over, a parameter with a lone % or a semicolon, is refused: without it a list would
// have everything, and a dry run be none.
func (r *request) parameters() (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, spelled{&webhook.Invalid{
			Code: webhook.CodeInvalid, Message: "the query cannot be read: write %25 for %, %3B for ;, and separate parameters by &",
		}}
	}
	return q, nil
}

// place returns a function that decodes cursors of the kind.
func (r *request) place(k cursor.Kind) func(text string) (store.Place, error) {
	return func(text string) (store.Place, error) { return r.scope.ReadCursorAt(r.Context(), k, text) }
}

// pageOf reads the query of a list; place decodes a cursor.
func pageOf(q url.Values, place func(text string) (store.Place, error), others map[string]parameter) (store.Page, error) {
	p := store.Page{First: maxPage}
	var errs []error
	bad := func(field string, code webhook.Code, message string) {
		if len(errs) < maxProblems {
			errs = append(errs, &webhook.Invalid{Field: field, Code: code, Message: message})
		}
	}
	for name, values := range q {
		if own, known := others[name]; known {
			if problem := own(values); problem != "" {
				bad(name, webhook.CodeInvalid, problem)
			}
			continue
		}
		if len(values) > 1 {
			bad(clip(name), webhook.CodeInvalid, onlyOnce)
			continue
		}
		switch name {
		case "limit":
			n, err := strconv.Atoi(values[0])
			if err != nil || n < 1 || n > maxPage {
				bad(name, webhook.CodeOutOfRange, "must be from 1 to "+strconv.Itoa(maxPage))
			}
			p.First = n
		case "after":
			at, err := place(values[0])
			if errors.Is(err, webhook.ErrCursor) {
				bad(name, webhook.CodeInvalid, "must be the value of next from an earlier page")
			} else if err != nil {
				return p, err
			}
			p.After, p.AfterAt = at.Seq, at.At
		default:
			bad(clip(name), webhook.CodeInvalid, "unknown parameter")
		}
	}
	return p, errors.Join(errs...)
}

// parameter reads all values of one query parameter, at least one, and returns what they must be; "" if they are.
type parameter func(values []string) string

const onlyOnce = "must be given once"

// inFilter is how the domain names the conditions of a list.
const inFilter = "filter."

// rangeEnd is the end of a time range in a field's name.
var rangeEnd = regexp.MustCompile(`\.(from|to)$`)

// conditionsOf renames the fields of an error of a filter, such as filter.createdAt.to, to parameters: created_at_to.
func conditionsOf(err error) error {
	all := webhook.Invalids(err)
	if len(all) == 0 {
		return err
	}
	errs := make([]error, len(all))
	for i, one := range all {
		named := *one
		named.Field = rangeEnd.ReplaceAllString(snake(strings.TrimPrefix(one.Field, inFilter)), "_$1")
		errs[i] = &named
	}
	return spelled{errors.Join(errs...)}
}

// The readers of parameters. Those of lists take a parameter several times; the lengths of the lists are the filters' to check.

func once(then func(text string) string) parameter {
	return func(values []string) string {
		if len(values) != 1 {
			return onlyOnce
		}
		return then(values[0])
	}
}

// textOf refuses an empty text, which would not filter.
func textOf(to *string) parameter {
	return once(func(text string) string {
		if *to = text; text == "" {
			return "must not be empty"
		}
		return ""
	})
}

// someText is textOf for a text that is nil if it is not given.
func someText(to **string) parameter {
	text := new("")
	read := textOf(text)
	return func(values []string) string {
		*to = text
		return read(values)
	}
}

func textsOf(to *[]string) parameter {
	return func(values []string) string {
		*to = values
		return ""
	}
}

func idsOf(to *[]webhook.ID) parameter {
	return func(values []string) string {
		for _, text := range values {
			id, err := webhook.ParseID(text)
			if err != nil {
				return webhook.ErrID.Error()
			}
			*to = append(*to, id)
		}
		return ""
	}
}

func booleanOf(to **bool) parameter {
	return once(func(text string) string {
		if text != "true" && text != "false" {
			return "must be true or false"
		}
		*to = new(text == "true")
		return ""
	})
}

func wordsOf[T ~string](to *[]T, some []T) parameter {
	read := words(to, some)
	return func(values []string) string {
		texts, err := json.Marshal(values)
		if err != nil {
			return err.Error()
		}
		if read(texts) != "" {
			return oneOf(some)
		}
		return ""
	}
}

func wordOf[T ~string](to **T, some []T) parameter {
	var all []T
	read := wordsOf(&all, some)
	return once(func(text string) string {
		problem := read([]string{text})
		if problem == "" {
			*to = &all[0]
		}
		return problem
	})
}

// timeOf accepts durations back from now, as filters in bodies do.
func timeOf(to **time.Time, now time.Time) parameter {
	return once(func(text string) string {
		// A plus means a space in a query: 2026-04-23T10:00:00+00:00, as answers have it, arrives so if it was not escaped.
		at, err := webhook.ParseTimeBound(strings.Replace(text, " ", "+", 1), now)
		if err != nil {
			return err.Error()
		}
		*to = &at
		return ""
	})
}

// timesOf adds the two parameters of a time range.
func timesOf(to map[string]parameter, name string, r *store.TimeRange, now time.Time) {
	to[name+"_from"], to[name+"_to"] = timeOf(&r.From, now), timeOf(&r.To, now)
}

// statusesOf accepts HTTP statuses and ranges of them: 404, 500-599, 500- or -299.
func statusesOf(to *[]store.IntRange) parameter {
	const wrong = "must be an HTTP status or a range of them, such as 404, 500-599, 500- or -299"
	return func(values []string) string {
		for _, text := range values {
			from, till, ranged := strings.Cut(text, "-")
			if !ranged {
				till = from
			}
			var r store.IntRange
			for end, digits := range map[**int]string{&r.From: from, &r.To: till} {
				if digits == "" {
					continue
				}
				n, err := strconv.ParseUint(digits, 10, 16)
				if err != nil {
					return wrong
				}
				*end = new(int(n))
			}
			if r.From == nil && r.To == nil {
				return wrong
			}
			*to = append(*to, r)
		}
		return ""
	}
}

// dataOf accepts conditions on data as filters in bodies have them, each as JSON.
func dataOf(to *[]filter.Data) parameter {
	const wrong = `must be JSON, such as {"path": "job.id", "equals": 42}, with path, and equals or contains`
	return func(values []string) string {
		for _, text := range values {
			var one filter.Data
			if checkJSON([]byte(text)) != nil || decode([]byte(text), dataMembers(&one)) != nil {
				return wrong
			}
			*to = append(*to, one)
		}
		return ""
	}
}
