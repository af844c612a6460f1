// Package strmem holds the replacements for the string and memory functions of C libraries: guest code of our own, written in
// assembly for the tool's image, copied into the guest's address space and translated like all guest code. It says which symbols
// of which objects they replace.
//
// The functions find what Memcheck's find: each byte that a caller's string has is accessed, none behind its end, and overlapping
// arguments are reported where Memcheck looks for them. They are fast because they look at shadow memory themselves, 16 bytes at
// a time, and go byte by byte, through accesses that the tool checks, only from a byte on whose shadow is not 0.
//
// Rules that the routines keep, and the translator relies on (jit.Config.Trusted):
//   - an instruction with a gs prefix accesses the shadow of its operand;
//   - an instruction with a ds prefix accesses memory whose shadow has been looked at; tools see no access. What it loads counts
//     as defined, what it stores leaves the shadow alone;
//   - all others are ordinary;
//   - they use registers that calls may change only, call nothing and leave the stack pointer alone, so that a caller's frame
//     begins 8 bytes above it at any instruction. They keep their state in registers: a signal handler sees nothing special.
//     Those that must call a function of the library that they replace one of (Calls) have a frame of one size (Depth).
//
// The package does not look for symbols (redir), report, or know Go's side of a request. A Set is not changed once made.
package strmem

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sort"

	"gogrind/internal/guest"
)

// Requests that the routines make, in r11.
const (
	// ReqOverlap: rdi and rsi are the destination and the source, rdx the length.
	ReqOverlap = 1
	// ReqOverlapString is the same without a length.
	ReqOverlapString = 2
	// ReqOverflow: the destination is smaller than what a checking function is to store.
	ReqOverflow = 3
	// ReqCopied: undefined bytes were among the rdx bytes copied from rsi to rdi.
	ReqCopied = 4
	// ReqFill: the rdx bytes at rdi, LargeFill at least, are about to be made defined.
	ReqFill = 5
	// ReqCopy: the rdx bytes at rdi, LargeFill at least, of which the first one is undefined, are about to be copied there from rsi.
	ReqCopy = 6
)

// LargeFill is the length from which memset and copies say what they are going to do.
const LargeFill = 64 << 10

// copiedMask is the mask by which routines find that undefined bytes were copied. No other operand has this value.
const copiedMask = 0x01fffffe

// Frames of the functions name this file; other programs know them by it.
const FrameFile = "vg_replace_strmem.c"

// Function is one replacement in guest memory. There is a copy of a routine for each symbol, so that a pc has one name.
type Function struct {
	guest.Range
	Symbol string
	Line   int    // in FrameFile
	Arg    string // the function's name in messages about arguments
	// Calls is the function of the same library that is to stand in for what is at Callee, the routine's last instruction. Empty if it
	// calls nothing.
	Calls  string
	Callee guest.Addr
	row    *row
}

// frame is the size of the frames of routines that call: what they keep, and the stack is aligned at their calls.
const frame = 56

// callMark is in calls what New replaces by the distance of Callee. No other operand has this value.
const callMark = 0x01fffffc

// lenCallee is the length of the instruction at Function.Callee.
const lenCallee = 2

// Depth returns how many bytes are between the stack pointer at pc, which is in f, and the return address.
func (f *Function) Depth(pc guest.Addr) int {
	if f.Calls == "" || pc == f.Start || pc >= f.Callee-1 { // the one in front of Callee is ret
		return 0
	}
	return frame
}

// Set are the functions of a process.
type Set struct {
	guest.Range
	Functions []Function // ascending
}

var errRoutine = errors.New("strmem: a routine without an end")

// endMark ends each routine (END in macros.h).
var endMark = bytes.Repeat([]byte{0xf4}, 8)

// maxRoutine is more than the longest routine has.
const maxRoutine = 4096

// align is the distance of functions' starts, what processors fetch at once.
const align = 32

// New copies the routines to memory that alloc gives: readable and writable, n bytes. copied says that ReqCopied is wanted.
func New(copied bool, alloc func(n uint64) (guest.Range, error)) (*Set, error) {
	var code []byte
	s := &Set{Functions: make([]Function, len(rows))}
	for i := range rows {
		r := &rows[i]
		text := slices.Clone(guest.Bytes(guest.Addr(routines[r.routine]), maxRoutine))
		n := bytes.Index(text, endMark)
		if n < 0 {
			return nil, fmt.Errorf("%s: %w", r.symbol, errRoutine)
		}
		f := Function{Symbol: r.symbol, Line: lines[r.routine], Arg: r.arg, row: r}
		f.Start = guest.Addr(len(code))
		text = text[:n]
		if !copied {
			text = bytes.ReplaceAll(text, binary.LittleEndian.AppendUint32(nil, copiedMask), make([]byte, 4))
		}
		setCalls(text)
		code = append(code, text...)
		f.End = guest.Addr(len(code))
		for len(code)%align != 0 {
			code = append(code, endMark[0])
		}
		if f.Arg == "" {
			f.Arg = r.symbol
		}
		s.Functions[i] = f
	}
	at, err := alloc((uint64(len(code)) + guest.PageSize - 1) &^ (guest.PageSize - 1))
	if err != nil {
		return nil, fmt.Errorf("strmem: %w", err)
	}
	s.Range = at
	copy(guest.Bytes(at.Start, len(code)), code)
	for i := range s.Functions {
		s.Functions[i].Start += at.Start
		s.Functions[i].End += at.Start
		if f := &s.Functions[i]; f.row.calls != "" {
			f.Calls, f.Callee = f.row.calls, f.End-lenCallee
		}
	}
	return s, nil
}

// setCalls makes the calls of routine text lead to its last instruction.
func setCalls(text []byte) {
	mark := binary.LittleEndian.AppendUint32(nil, callMark)
	for {
		i := bytes.Index(text, mark)
		if i < 0 {
			return
		}
		binary.LittleEndian.PutUint32(text[i:], uint32(len(text)-lenCallee-(i+len(mark))))
	}
}

// At returns the function that pc is in, nil if there is none.
func (s *Set) At(pc guest.Addr) *Function {
	if s == nil || !s.Contains(pc) {
		return nil
	}
	i := sort.Search(len(s.Functions), func(i int) bool { return s.Functions[i].End > pc })
	if i == len(s.Functions) || pc < s.Functions[i].Start {
		return nil
	}
	return &s.Functions[i]
}

// Matches reports whether f replaces its symbol in the object named soname ("" if it has none). indirect says that the symbol is
// an indirect function: only C libraries make those, so they are replaced in static programs, too.
func (f *Function) Matches(soname string, indirect bool) bool {
	switch {
	case soname == "" && f.Calls != "":
		return false // what it calls need not be linked in
	case hasPrefix(soname, "libc.so", "libc.musl-", "libc-musl-"):
		return true
	case hasPrefix(soname, "ld-linux", "ld-musl-"):
		return f.row.linker
	}
	return soname == "" && indirect
}

func hasPrefix(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if len(s) >= len(p) && s[:len(p)] == p {
			return true
		}
	}
	return false
}
