package sender

import (
	"context"
	"errors"

	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/payload"
)

// smallBody is the length up to which a body that a template makes is not counted.
const smallBody = 4 << 10

// body is the part of Sender.bodies that the body of a task's request holds, if a template makes it and it is long. It is taken before room
// for the answer, which its holders never wait for.
type body struct {
	room    *intake.Room
	tenant  webhook.ID
	held    int64
	tooLong *payload.TooLong
}

// take waits for room.
func (b *body) take(ctx context.Context, bytes int) error {
	if bytes <= smallBody {
		return nil
	}
	if _, err := b.room.Take(ctx, b.tenant, int64(bytes)); err != nil {
		return err
	}
	b.held = int64(bytes)
	return nil
}

// end releases what is held.
func (b *body) end() {
	if b.held > 0 {
		b.room.Give(b.tenant, b.held)
		b.held = 0
	}
}

// render makes the body of a delivery's request, with the version of the webhook's payload settings that the delivery was made with. That a
// template makes too long a body is no error: t.body says so.
func (s *Sender) render(t *task) (payload.Body, error) {
	e := t.claimed.Event
	version := t.claimed.Delivery.PayloadVersion
	if version == nil {
		return (*payload.Payload)(nil).Render(e, nil)
	}
	p, err := s.cfg.Store.Payload(s.attend, e.TenantID, *version)
	if err != nil {
		if s.attend.Err() == nil {
			s.log.Error("the payload's settings cannot be read; the attempt is made later", "delivery", t.claimed.Delivery.ID.String(),
				"tenant", e.TenantID.String(), "error", err)
		}
		return payload.Body{}, err
	}
	t.body = body{room: s.bodies, tenant: e.TenantID}
	made, err := p.Render(e, func(bytes int) error { return t.body.take(s.attend, bytes) })
	if tooLong, ok := errors.AsType[*payload.TooLong](err); ok {
		t.body.tooLong, err = tooLong, nil
	}
	return made, err
}
