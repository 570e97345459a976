package intake

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// A body gets memory as its bytes come, and none for being announced: at first little, then a piece at a time.
const (
	firstPiece = 4 << 10
	nextPiece  = 32 << 10
)

// How long a body may take: a while, and longer the more of it has come. A client that sends steadily is waited for, and one
// that has gone, or trickles, is not.
const (
	patience     = 30 * time.Second
	bytesASecond = 32 << 10
)

// The reasons for which a body is not read to its end, beside *Full.
var (
	// ErrTooLarge is a body that is larger than it may be.
	ErrTooLarge = errors.New("the body is too large")
	// ErrBroken is a body that broke off: the client went away, or sent less than it had announced, or a chunk that is none.
	ErrBroken = errors.New("the body ended early")
	// ErrSlow is a body that did not come in time.
	ErrSlow = fmt.Errorf("the body did not arrive in time; %v are allowed, and a second more for each %d KiB", patience, bytesASecond>>10)
)

// Bodies reads bodies. What it has read and what has not been released yet is bounded, in bytes. It is safe for concurrent
// use, and meant to be shared by everything that reads what callers send.
type Bodies struct{ pool *Pool }

// NewBodies makes Bodies that hold up to total bytes at a time, an eighth of it for one tenant and a sixteenth for one token,
// but always enough for one body of the largest size.
func NewBodies(total, largest int64) *Bodies {
	token := max(total/16, largest+nextPiece)
	return &Bodies{NewPool(Limits{Total: total, Tenant: max(total/8, token), Token: token})}
}

// OnFull sets what is called for each refusal. It must be called before the Bodies are used; f must not block.
func (b *Bodies) OnFull(f func(Holder, *Full)) { b.pool.OnFull(f) }

// Held is how many bytes are held now.
func (b *Bodies) Held() int64 { return b.pool.Used() }

// Body is a body that was read to its end. It counts as held until Release.
type Body struct {
	Bytes []byte

	from   *Bodies
	holder Holder
	held   int64
}

// Release ends the counting. Bytes may be used on by those who keep them. A further call, or one for nil, does nothing.
func (b *Body) Release() {
	if b == nil || b.held == 0 {
		return
	}
	b.from.pool.Give(b.holder, b.held)
	b.held = 0
}

// grow takes n more bytes for the body, before they are allocated.
func (b *Body) grow(n int) error {
	if err := b.from.pool.Take(b.holder, int64(n)); err != nil {
		return err
	}
	b.held += int64(n)
	return nil
}

// shrink gives back all but n bytes.
func (b *Body) shrink(n int) {
	b.from.pool.Give(b.holder, b.held-int64(n))
	b.held = int64(n)
}

// ReadRequest reads the body of a request, up to limit bytes. It returns a body, which must be released, or an error:
// ErrTooLarge, ErrBroken, ErrSlow or *Full; then nothing is held.
func (b *Bodies) ReadRequest(w http.ResponseWriter, r *http.Request, h Holder, limit int64) (*Body, error) {
	if r.ContentLength > limit {
		Abandon(w)
		return nil, ErrTooLarge
	}
	control := http.NewResponseController(w)
	end := time.Now().Add(patience)
	_ = control.SetReadDeadline(end) // not every server has one: tests' recorder
	body, err := b.read(r.Body, h, limit, r.ContentLength, func(came int) {
		_ = control.SetReadDeadline(end.Add(time.Duration(came) * time.Second / bytesASecond))
	})
	if err == nil {
		_ = control.SetReadDeadline(time.Time{}) // a deadline that passes later would cancel the request
		return body, nil
	}
	Abandon(w)
	switch {
	case errors.Is(err, ErrTooLarge), errors.As(err, new(*Full)):
		return nil, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, ErrSlow
	}
	return nil, fmt.Errorf("%w: %w", ErrBroken, err)
}

// linger is how long the server waits for what a client still sends of a body that nobody wants.
const linger = time.Second

// Abandon is for an answer to a request whose body is not read to its end: the connection ends with the answer. Without it
// net/http waits for the rest before it sends the answer, for as long as the client likes.
func Abandon(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(linger))
}

// Read reads all of src, up to limit bytes. It returns a body, which must be released, or an error: ErrTooLarge, *Full or
// that of src; then nothing is held.
func (b *Bodies) Read(src io.Reader, h Holder, limit int64) (*Body, error) {
	return b.read(src, h, limit, -1, func(int) {})
}

// pieces are buffers of nextPiece bytes that are not in use.
var pieces = sync.Pool{New: func() any { return new([nextPiece]byte) }}

// read reads src, of which announced bytes are to come, if that is not negative. It calls progress with what has come each
// time that another piece begins.
func (b *Bodies) read(src io.Reader, h Holder, limit, announced int64, progress func(came int)) (*Body, error) {
	body := &Body{from: b, holder: h}
	whole := false
	defer func() { // on every way out but the one with a body, a panic of src included
		if !whole {
			body.Release()
		}
	}()

	size := firstPiece
	if 0 <= announced && announced < firstPiece {
		size = int(announced) + 1 // with room for seeing the end
	}
	if err := body.grow(size); err != nil {
		return nil, err
	}
	first := make([]byte, size)
	n, err := fill(src, first)
	if int64(n) > limit {
		return nil, ErrTooLarge
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if errors.Is(err, io.EOF) {
		body.Bytes = first[:n]
		body.shrink(n)
		whole = true
		return body, nil
	}

	var more []*[nextPiece]byte
	defer func() {
		for _, piece := range more {
			pieces.Put(piece)
		}
	}()
	came := n
	for err == nil {
		progress(came)
		if err := body.grow(nextPiece); err != nil {
			return nil, err
		}
		piece := pieces.Get().(*[nextPiece]byte)
		more = append(more, piece)
		n, err = fill(src, piece[:])
		came += n
		if int64(came) > limit {
			return nil, ErrTooLarge
		}
	}
	if !errors.Is(err, io.EOF) {
		return nil, err
	}
	all := append(make([]byte, 0, came), first...)
	for _, piece := range more {
		all = append(all, piece[:min(came-len(all), nextPiece)]...)
	}
	body.Bytes = all
	body.shrink(came)
	whole = true
	return body, nil
}

// fill reads until buf is full or src ends: then the error is io.EOF, also when something was read.
func fill(src io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = src.Read(buf[n:])
		n += m
	}
	return n, err
}
