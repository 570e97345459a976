package transfer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
)

// sum is a checksum of rows in any order, so that each database is read in its cheapest order: the SHA-256 of every row in
// PostgreSQL's binary COPY format, added modulo 2^256. It detects accidental differences, not crafted ones.
type sum struct {
	rows  int64
	words [4]uint64 // the least significant first
}

func (s *sum) add(row []byte) {
	h := sha256.Sum256(row)
	var carry uint64
	for i := range s.words {
		s.words[i], carry = bits.Add64(s.words[i], binary.BigEndian.Uint64(h[24-8*i:]), carry)
	}
	s.rows++
}

func (s *sum) String() string {
	var b [32]byte
	for i, w := range s.words {
		binary.BigEndian.PutUint64(b[24-8*i:], w)
	}
	return hex.EncodeToString(b[:])
}
