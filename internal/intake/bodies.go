package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// A body gets memory as its bytes arrive, not when they are announced: first a little, then a piece at a time.
const (
	firstPiece = 4 << 10
	nextPiece  = 32 << 10
)

// How long a body may take: a fixed time, and more for each piece that has arrived. So a client that sends steadily gets the time
// that it needs, but one that is gone or trickles does not.
const (
	patience     = 30 * time.Second
	bytesASecond = 32 << 10
)

// The reasons for which a body is not read to its end, besides *Full.
var (
	// ErrTooLarge is a body larger than its limit.
	ErrTooLarge = errors.New("the body is too large")
	// ErrBroken is a body that broke off: the client went away, sent less than announced, or an invalid chunk.
	ErrBroken = errors.New("the body ended early")
	// ErrSlow is a body that did not arrive in time.
	ErrSlow = fmt.Errorf("the body did not arrive in time: it may take %v, and a second more for each %d KiB", patience, bytesASecond>>10)
)

// Bodies reads bodies, and bounds the bytes that have been read and not released yet. It is safe for concurrent use, and meant to
// be shared by all readers of callers' input.
type Bodies struct{ pool *Pool }

// NewBodies returns Bodies that hold up to total bytes at a time, an eighth of it for one tenant and a sixteenth for one token,
// but always enough for one body of the largest size.
func NewBodies(total, largest int64) *Bodies {
	token := max(total/16, largest+nextPiece)
	return &Bodies{NewPool(Limits{Total: total, Tenant: max(total/8, token), Token: token})}
}

// OnFull sets a function that is called for each refusal. It must be called before b is used; f must not block.
func (b *Bodies) OnFull(f func(Holder, *Full)) { b.pool.OnFull(f) }

// Held returns how many bytes are held now.
func (b *Bodies) Held() int64 { return b.pool.Used() }

// Body is a body that was read to its end. It counts as held until Release.
type Body struct {
	Bytes []byte

	from   *Bodies
	holder Holder
	held   int64
}

// Release ends the counting. The bytes remain valid. A further call, or one on nil, does nothing.
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

// shrink releases all but n bytes.
func (b *Body) shrink(n int) {
	b.from.pool.Give(b.holder, b.held-int64(n))
	b.held = int64(n)
}

// ReadRequest reads the body of a request, up to limit bytes. The caller must release the body. The error is ErrTooLarge,
// ErrBroken, ErrSlow or *Full; then nothing is held.
func (b *Bodies) ReadRequest(w http.ResponseWriter, r *http.Request, h Holder, limit int64) (*Body, error) {
	if r.ContentLength > limit {
		Abandon(w)
		return nil, ErrTooLarge
	}
	control := http.NewResponseController(w)
	end := time.Now().Add(patience)
	_ = control.SetReadDeadline(end) // not supported by tests' recorders
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

// linger is how long the server waits for the rest of a body that it does not need.
const linger = time.Second

// Abandon is called before answering a request whose body is not read to its end: the connection ends with the answer. Otherwise
// net/http waits for the rest before it sends the answer, for as long as the client takes.
func Abandon(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(linger))
}

// Read reads all of src, up to limit bytes. The caller must release the body. The error is ErrTooLarge, *Full or src's; then
// nothing is held.
func (b *Bodies) Read(src io.Reader, h Holder, limit int64) (*Body, error) {
	return b.read(src, h, limit, -1, func(int) {})
}

// pieces are free buffers of nextPiece bytes.
var pieces = sync.Pool{New: func() any { return new([nextPiece]byte) }}

// read reads src; announced is its expected length, or negative. It calls progress with the number of bytes read whenever another
// piece begins.
func (b *Bodies) read(src io.Reader, h Holder, limit, announced int64, progress func(came int)) (*Body, error) {
	body := &Body{from: b, holder: h}
	whole := false
	defer func() { // on every return without a body, and a panic of src
		if !whole {
			body.Release()
		}
	}()

	size := firstPiece
	if 0 <= announced && announced < firstPiece {
		size = int(announced) + 1 // and a byte to see the end
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
		if body.Bytes = first[:n]; announced < 0 { // it may be kept for long, as a stream's is, and is much smaller than first
			body.Bytes = bytes.Clone(body.Bytes)
		}
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

// fill reads until buf is full, or src ends; then the error is io.EOF, even if something was read.
func fill(src io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = src.Read(buf[n:])
		n += m
	}
	return n, err
}
