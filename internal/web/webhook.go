package web

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// hook is a webhook as this surface shows it. Its documented fields are these and no others.
type hook struct {
	ID        webhook.ID `json:"id"`
	Object    string     `json:"object"`
	URL       string     `json:"url"`
	Events    []string   `json:"events"` // null: all
	Enabled   bool       `json:"enabled"`
	CreatedAt second     `json:"created_at"`
	UpdatedAt second     `json:"updated_at"`
	// Secret is there in the answer of the call that made it, once.
	Secret string `json:"secret,omitempty"`
}

func show(w *webhook.Webhook, secret *webhook.Secret) hook {
	h := hook{
		ID: w.ID, Object: "webhook", URL: w.URL, Events: w.Events, Enabled: w.Enabled,
		CreatedAt: second(w.CreatedAt), UpdatedAt: second(w.UpdatedAt),
	}
	if secret != nil {
		h.Secret = secret.Reveal()
	}
	return h
}

// second is a time as this surface writes it: UTC, to the second, with a numeric offset.
type second time.Time

// MarshalText is encoding.TextMarshaler's.
func (t second) MarshalText() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, "2006-01-02T15:04:05-07:00"), nil
}

func (s *server) createWebhook(r *request) (int, any, error) {
	n := webhook.New{Enabled: true}
	err := decode(r.body, map[string]func(json.RawMessage) string{
		"url": str(&n.URL), "events": strs(&n.Events), "enabled": boolean(&n.Enabled),
	})
	if err != nil {
		return 0, nil, err
	}
	w, secret, err := r.scope.CreateWebhook(r.Context(), n)
	if err != nil {
		return 0, nil, err
	}
	r.header.Set("Location", "/v1/webhooks/"+w.ID.String())
	return http.StatusCreated, show(w, secret), nil
}

func (s *server) getWebhook(r *request) (int, any, error) {
	w, err := find(r)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, show(w, nil), nil
}

func find(r *request) (*webhook.Webhook, error) {
	id, err := pathID(r)
	if err != nil {
		return nil, err
	}
	found, err := r.scope.WebhooksByID(r.Context(), []webhook.ID{id})
	if err != nil {
		return nil, err
	}
	if found[id] == nil {
		return nil, webhook.ErrNotFound
	}
	return found[id], nil
}

// pathID is the id in the path. One that can not be an id names nothing, like any other that names nothing.
func pathID(r *request) (webhook.ID, error) {
	id, err := webhook.ParseID(r.PathValue("id"))
	if err != nil {
		return webhook.ID{}, webhook.ErrNotFound
	}
	return id, nil
}

func (s *server) updateWebhook(r *request) (int, any, error) {
	id, err := pathID(r)
	if err != nil {
		return 0, nil, err
	}
	var p webhook.Patch
	var rotate bool
	err = decode(r.body, map[string]func(json.RawMessage) string{
		"url":           set(&p.URL.Set, str(&p.URL.Value)),
		"events":        set(&p.Events.Set, strs(&p.Events.Value)),
		"enabled":       set(&p.Enabled.Set, boolean(&p.Enabled.Value)),
		"rotate_secret": boolean(&rotate),
	})
	if err != nil {
		return 0, nil, err
	}
	if !p.URL.Set && !p.Events.Set && !p.Enabled.Set && !rotate {
		return s.getWebhook(r) // nothing changes, updated_at neither
	}
	var overlap *time.Duration
	if rotate {
		o := webhook.DefaultOverlap
		overlap = &o
	}
	w, secret, err := r.scope.UpdateWebhook(r.Context(), id, p, overlap)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, show(w, secret), nil
}

func (s *server) deleteWebhook(r *request) (int, any, error) {
	id, err := pathID(r)
	if err != nil {
		return 0, nil, err
	}
	if err := r.scope.DeleteWebhook(r.Context(), id); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, struct {
		ID      webhook.ID `json:"id"`
		Object  string     `json:"object"`
		Deleted bool       `json:"deleted"`
	}{id, "webhook", true}, nil
}

// listing is a page of a list, newest first.
type listing struct {
	Object  string `json:"object"`
	Data    []hook `json:"data"`
	HasMore bool   `json:"has_more"`
	// Next is what `after` takes for the page that follows; null on the last.
	Next *string `json:"next"`
}

func (s *server) listWebhooks(r *request) (int, any, error) {
	page, err := pageOf(r.URL.Query())
	if err != nil {
		return 0, nil, err
	}
	list, err := r.scope.Webhooks(r.Context(), store.WebhookFilter{}, page)
	if err != nil {
		return 0, nil, err
	}
	answer := listing{Object: "list", Data: make([]hook, 0, len(list.Items)), HasMore: list.HasNext}
	for _, w := range list.Items {
		answer.Data = append(answer.Data, show(w, nil))
	}
	if n := len(list.Items); list.HasNext && n > 0 {
		next := pageCursor(list.Items[n-1].Seq)
		answer.Next = &next
	}
	return http.StatusOK, answer, nil
}

const (
	maxPage      = 100
	cursorPrefix = "webhook:"
)

func pageCursor(seq int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorPrefix + strconv.FormatInt(seq, 10)))
}

func pageOf(q url.Values) (store.Page, error) {
	p := store.Page{First: maxPage}
	var errs []error
	bad := func(field string, code webhook.Code, message string) {
		errs = append(errs, &webhook.Invalid{Field: field, Code: code, Message: message})
	}
	for name, values := range q {
		if len(values) > 1 {
			bad(clip(name), webhook.CodeInvalid, "must be given once")
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
			text, err := base64.RawURLEncoding.DecodeString(values[0])
			digits, ok := strings.CutPrefix(string(text), cursorPrefix)
			seq, err2 := strconv.ParseInt(digits, 10, 64)
			if err != nil || err2 != nil || !ok || seq < 1 {
				bad(name, webhook.CodeInvalid, "must be the next of an earlier page")
			}
			p.After = seq
		default:
			bad(clip(name), webhook.CodeInvalid, "unknown parameter")
		}
	}
	return p, errors.Join(errs...)
}
