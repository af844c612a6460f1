package request

import "bytes"

// Kind is what a magic sequence asks for.
type Kind uint8

const (
	Request      Kind = iota // a client request: rax points to it, rdx gets the result
	GetNRAddr                // rax gets the guest's address of the function being replaced (wrapped functions)
	CallNoRedir              // call *rax without redirection
	InjectMarker             // VEX IR injection, which valgrind.h reserves for Valgrind's own tests
)

// preamble is rol $3,%rdi; rol $13,%rdi; rol $61,%rdi; rol $51,%rdi: 128 bits in all, which changes nothing.
var preamble = []byte{
	0x48, 0xc1, 0xc7, 0x03, 0x48, 0xc1, 0xc7, 0x0d, 0x48, 0xc1, 0xc7, 0x3d, 0x48, 0xc1, 0xc7, 0x33,
}

// MagicLen is the length of every magic sequence.
const MagicLen = 19

// Magic recognises the sequence at the start of code: the preamble and an exchange of a register with itself.
func Magic(code []byte) (kind Kind, length int, ok bool) {
	if len(code) < MagicLen || !bytes.HasPrefix(code, preamble) || code[16] != 0x48 || code[17] != 0x87 {
		return 0, 0, false
	}
	switch code[18] {
	case 0xdb: // xchg %rbx,%rbx
		kind = Request
	case 0xc9: // xchg %rcx,%rcx
		kind = GetNRAddr
	case 0xd2: // xchg %rdx,%rdx
		kind = CallNoRedir
	case 0xff: // xchg %rdi,%rdi
		kind = InjectMarker
	default:
		return 0, 0, false
	}
	return kind, MagicLen, true
}
