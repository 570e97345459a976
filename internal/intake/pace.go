package intake

import "net/http"

// Piece is how much is written under one deadline. A client that reads on is waited for as long as it takes; what ends it is not
// to take this much within the time that a write has.
const Piece = 16 << 10

// WritePieces writes b in pieces, and calls limit before each, which puts a deadline on it.
func WritePieces(w http.ResponseWriter, b []byte, limit func() error) (written int, err error) {
	for {
		if err := limit(); err != nil {
			return written, err
		}
		n, err := w.Write(b[:min(len(b), Piece)])
		written += n
		if b = b[n:]; err != nil || len(b) == 0 {
			return written, err
		}
	}
}
