// Package xz decompresses .xz data held in memory: what .gnu_debugdata sections of ELF objects are.
//
// It knows the one filter that xz uses for such data (LZMA2) and decodes into one slice, which serves as dictionary too, so
// a damaged header can't ask for memory. Checks are verified. It does not read the index at the end of a stream.
package xz

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/crc64"
)

var (
	errCut     = errors.New("xz: data is cut off")
	errDamaged = errors.New("xz: data is damaged")
	errTooBig  = errors.New("xz: output is too big")
)

// check types of the stream flags (xz file format, 2.1.1.2)
const (
	checkNone   = 0x0
	checkCRC32  = 0x1
	checkCRC64  = 0x4
	checkSHA256 = 0xa
)

// checkSizes has the size of each check type by number, known or not.
var checkSizes = [16]int{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}

const filterLZMA2 = 0x21

// Decode decompresses the first stream of b; more than limit bytes of output are an error.
func Decode(b []byte, limit int) ([]byte, error) {
	const magic = "\xfd7zXZ\x00"
	if len(b) < 12 || string(b[:6]) != magic {
		return nil, errors.New("xz: no xz header")
	}
	if crc32.ChecksumIEEE(b[6:8]) != binary.LittleEndian.Uint32(b[8:]) || b[6] != 0 || b[7] > 15 {
		return nil, errDamaged
	}
	check := b[7]
	var out []byte
	for b = b[12:]; ; {
		if len(b) == 0 {
			return nil, errCut
		}
		if b[0] == 0 { // the index: all blocks are done
			return out, nil
		}
		var err error
		if b, out, err = block(b, out, limit, check); err != nil {
			return nil, err
		}
	}
}

// block decodes one block and returns what follows it.
func block(b, out []byte, limit int, check byte) (rest, grown []byte, err error) {
	size := (int(b[0]) + 1) * 4
	if size > len(b) {
		return nil, nil, errCut
	}
	h := b[:size-4]
	if crc32.ChecksumIEEE(h) != binary.LittleEndian.Uint32(b[size-4:]) {
		return nil, nil, errDamaged
	}
	flags := h[1]
	r := bytes.NewReader(h[2:])
	for _, present := range []byte{0x40, 0x80} { // compressed and uncompressed size: the data says it itself
		if flags&present != 0 {
			if _, err := binary.ReadUvarint(r); err != nil {
				return nil, nil, errDamaged
			}
		}
	}
	id, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, nil, errDamaged
	}
	if flags&3 != 0 || id != filterLZMA2 {
		return nil, nil, fmt.Errorf("xz: filter %#x is not supported", id)
	}
	start := len(out)
	d := decoder{in: b[size:], out: out, start: start, limit: limit}
	if err := d.run(); err != nil {
		return nil, nil, err
	}
	used := len(b) - len(d.in)
	used = (used + 3) &^ 3 // block padding
	n := checkSizes[check]
	if used+n > len(b) {
		return nil, nil, errCut
	}
	if !verify(check, d.out[start:], b[used:used+n]) {
		return nil, nil, errDamaged
	}
	return b[used+n:], d.out, nil
}

// verify compares the check of a block; unknown kinds pass.
func verify(kind byte, data, want []byte) bool {
	switch kind {
	case checkCRC32:
		return crc32.ChecksumIEEE(data) == binary.LittleEndian.Uint32(want)
	case checkCRC64:
		return crc64.Checksum(data, crc64.MakeTable(crc64.ECMA)) == binary.LittleEndian.Uint64(want)
	case checkSHA256:
		h := sha256.Sum256(data)
		return bytes.Equal(h[:], want)
	}
	return true
}
