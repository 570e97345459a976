package transfer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
)

// sum is over rows in any order, so that each database is read in the order that costs it least: the SHA-256 of every row, as PostgreSQL's
// binary format of COPY has it, added up modulo 2^256. It tells apart what two databases have that nobody made to deceive.
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
