package cursor

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"sync"
)

// block is one block of AES.
type block = [aes.BlockSize]byte

// siv is AES-SIV (RFC 5297) with one string of associated data. It is deterministic, so that a place has one cursor, and
// authenticated, so that cursors cannot be forged. The plaintext must be at most one block long, which is enough for a cursor. It
// is safe for concurrent use.
type siv struct {
	mac, ctr cipher.Block
	k1, k2   block // subkeys of CMAC (RFC 4493, section 2.3), for a last block that is full and one that is padded
	zero     block // dbl(CMAC(0)), the first step of S2V
	scratch  sync.Pool
}

// scratch is the memory of one call: blocks given to a cipher.Block escape, and would be allocated for each cursor.
type scratch struct{ sum, last, pad block }

// newSIV takes a key of 32, 48 or 64 bytes: AES-128, AES-192 or AES-256.
func newSIV(key []byte) (*siv, error) {
	if len(key)%2 != 0 {
		return nil, fmt.Errorf("key of %d bytes", len(key))
	}
	s := &siv{scratch: sync.Pool{New: func() any { return new(scratch) }}}
	var err error
	if s.mac, err = aes.NewCipher(key[:len(key)/2]); err != nil {
		return nil, err
	}
	if s.ctr, err = aes.NewCipher(key[len(key)/2:]); err != nil {
		return nil, err
	}
	s.mac.Encrypt(s.k1[:], s.k1[:])
	dbl(&s.k1)
	s.k2 = s.k1
	dbl(&s.k2)
	tmp := new(scratch)
	s.cmac(tmp, make([]byte, aes.BlockSize))
	s.zero = tmp.sum
	dbl(&s.zero)
	return s, nil
}

// dbl multiplies by x in GF(2^128) (RFC 5297, section 2.3).
func dbl(b *block) {
	high, low := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	reduce := 0x87 & -(high >> 63)
	binary.BigEndian.PutUint64(b[:8], high<<1|low>>63)
	binary.BigEndian.PutUint64(b[8:], low<<1^reduce)
}

func xor(b *block, with []byte) { subtle.XORBytes(b[:], b[:], with) }

// pad fills last with text of less than a block, a one bit, and zeros.
func pad(last *block, text []byte) {
	*last = block{}
	copy(last[:], text)
	last[len(text)] = 0x80
}

// cmac leaves the CMAC of text (RFC 4493, section 2.4) in tmp.sum.
func (s *siv) cmac(tmp *scratch, text []byte) {
	tmp.sum = block{}
	for len(text) > aes.BlockSize {
		xor(&tmp.sum, text[:aes.BlockSize])
		s.mac.Encrypt(tmp.sum[:], tmp.sum[:])
		text = text[aes.BlockSize:]
	}
	if len(text) == aes.BlockSize {
		copy(tmp.last[:], text)
		xor(&tmp.last, s.k1[:])
	} else {
		pad(&tmp.last, text)
		xor(&tmp.last, s.k2[:])
	}
	xor(&tmp.sum, tmp.last[:])
	s.mac.Encrypt(tmp.sum[:], tmp.sum[:])
}

// s2v leaves the synthetic IV of plain and associated (section 2.4) in tmp.sum.
func (s *siv) s2v(tmp *scratch, plain, associated []byte) {
	s.cmac(tmp, associated)
	xor(&tmp.sum, s.zero[:])
	d := tmp.sum
	if len(plain) == aes.BlockSize {
		copy(tmp.pad[:], plain)
	} else {
		dbl(&d)
		pad(&tmp.pad, plain)
	}
	xor(&tmp.pad, d[:])
	s.cmac(tmp, tmp.pad[:])
}

// crypt encrypts or decrypts text in place, by the counter that the synthetic IV gives (section 2.5).
func (s *siv) crypt(tmp *scratch, iv *block, text []byte) {
	tmp.pad = *iv
	tmp.pad[8] &= 0x7f
	tmp.pad[12] &= 0x7f
	s.ctr.Encrypt(tmp.pad[:], tmp.pad[:])
	subtle.XORBytes(text, text, tmp.pad[:])
}

// seal appends the synthetic IV and the ciphertext of plain to to.
func (s *siv) seal(to, plain, associated []byte) []byte {
	tmp := s.scratch.Get().(*scratch)
	defer s.scratch.Put(tmp)
	s.s2v(tmp, plain, associated)
	iv := tmp.sum
	to = append(append(to, iv[:]...), plain...)
	s.crypt(tmp, &iv, to[len(to)-len(plain):])
	return to
}

// open decrypts, in place, what seal appended, and reports whether it is authentic.
func (s *siv) open(sealed, associated []byte) (plain []byte, ok bool) {
	if len(sealed) < aes.BlockSize || len(sealed) > 2*aes.BlockSize {
		return nil, false
	}
	tmp := s.scratch.Get().(*scratch)
	defer s.scratch.Put(tmp)
	iv, plain := block(sealed[:aes.BlockSize]), sealed[aes.BlockSize:]
	s.crypt(tmp, &iv, plain)
	s.s2v(tmp, plain, associated)
	if subtle.ConstantTimeCompare(tmp.sum[:], iv[:]) != 1 {
		clear(plain)
		return nil, false
	}
	return plain, true
}
