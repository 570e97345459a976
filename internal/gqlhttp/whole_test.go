package gqlhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/gqlerror"
)

// A failed response ends a subscription with its errors, over both transports; one that only lacks fields without permission does
// not.
func TestFailedResponseEndsStream(t *testing.T) {
	s := newServer(t, Config{ErrorPresenter: func(_ context.Context, err error) *gqlerror.Error {
		shown, _ := errors.AsType[*gqlerror.Error](err)
		return shown
	}})
	const c1, c2, c3 = `{"faults":{"cursor":"c1"}}`, `{"faults":{"cursor":"c2","node":null}}`, `{"faults":{"cursor":"c3"}}`
	for _, c := range []struct {
		data, code string
		ends       bool
	}{
		{c2, codeForbidden, false},
		{c2, "ANY_OTHER", false},
		{c2, codeInternal, true},
		{c2, codeUnavailable, true},
		{"null", codeForbidden, true},
		{"null", codeUnavailable, true},
		{"", codeForbidden, true},
		{`{"faults":null}`, codeForbidden, true},
		{`{"faults":null}`, "ANY_OTHER", true},
	} {
		t.Run(c.code+" "+c.data, func(t *testing.T) {
			document := fmt.Sprintf("subscription{faults(data:%q,code:%q){cursor node}}", c.data, c.code)
			fault := fmt.Sprintf(`{"message":"fault","extensions":{"code":%q}}`, c.code)
			socket := s.connect(t)
			socket.subscribe("1", document)
			quoted, err := json.Marshal(document)
			if err != nil {
				t.Fatal(err)
			}
			events := s.stream(t, strings.Trim(string(quoted), `"`))

			first := `,"extensions":{"cost":{"limit":10000,"requested":3}}}`
			socket.expect(`{"id":"1","type":"next","payload":{"data":` + c1 + first + `}`)
			events.expect("event: next\nid: c1\ndata: {\"data\":" + c1 + first)
			if !c.ends {
				socket.expect(`{"id":"1","type":"next","payload":{"errors":[` + fault + `],"data":` + c2 + `}}`)
				socket.expect(`{"id":"1","type":"next","payload":{"data":` + c3 + `}}`)
				events.expect("event: next\nid: c2\ndata: {\"errors\":["+fault+"],\"data\":"+c2+"}",
					"event: next\nid: c3\ndata: {\"data\":"+c3+"}")
				return
			}
			socket.expect(`{"id":"1","type":"error","payload":[` + fault + `]}`)
			socket.subscribe("1", "{hello}") // the id is free, and nothing more arrives for it
			socket.expect(`{"id":"1","type":"next","payload":{"data":{"hello":"hello"},"extensions":{"cost":{"limit":10000,"requested":1}}}}`)
			events.expect("event: next\ndata: {\"errors\":["+fault+"]}", "event: complete\ndata:", "")
		})
	}
}

// After a client has completed a subscription, errors that this causes are not sent.
func TestEndedStreamHasNoErrors(t *testing.T) {
	s := newServer(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	op, _, errs := s.handler.engine.prepare(ctx, &request{query: `subscription{faults(data:"null",code:"X"){cursor}}`})
	if errs != nil {
		t.Fatal(errs)
	}
	run := s.handler.engine.start(ctx, op, "")
	if resp, errs := run.response(); resp == nil || errs != nil {
		t.Fatalf("%v, %v", resp, errs)
	}
	cancel()
	for range 2 {
		if resp, errs := run.response(); resp != nil || errs != nil {
			t.Errorf("%v, %v", resp, errs)
		}
	}
}
