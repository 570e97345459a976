package intake

import "net/http"

// Piece is how much is written under one deadline. A client that continues to read may take as long as it needs; one that does not
// read this much within the deadline of a write is disconnected.
const Piece = 16 << 10

// WritePieces writes b in pieces. Before each it calls limit, which sets a deadline.
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
