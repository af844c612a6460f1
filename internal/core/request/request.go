// Package request handles client requests: the calls that a program makes to the tool it runs under, by the macros of
// valgrind.h and its relatives. It knows the codes, answers what needs no one else, formats printf requests from guest
// memory, and passes the rest to Core or to the tool. It recognises the instruction sequences that carry requests.
//
// It does not decide what a request does to errors, stacks or translations, and keeps no state but whether it has
// warned about an unknown request. A Dispatcher is safe for concurrent use if its Core and Tool are.
package request

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// Codes of requests that do not belong to a tool (valgrind.h).
const (
	RunningOnValgrind    = 0x1001
	DiscardTranslations  = 0x1002
	ClientCall0          = 0x1101
	ClientCall1          = 0x1102
	ClientCall2          = 0x1103
	ClientCall3          = 0x1104
	CountErrors          = 0x1201
	GDBMonitorCommand    = 0x1202
	ChangeOption         = 0x1203
	MallocLikeBlock      = 0x1301
	FreeLikeBlock        = 0x1302
	CreateMempool        = 0x1303
	DestroyMempool       = 0x1304
	MempoolAlloc         = 0x1305
	MempoolFree          = 0x1306
	MempoolTrim          = 0x1307
	MoveMempool          = 0x1308
	MempoolChange        = 0x1309
	MempoolExists        = 0x130a
	ResizeInPlaceBlock   = 0x130b
	Printf               = 0x1401
	PrintfBacktrace      = 0x1402
	PrintfVAListByRef    = 0x1403
	PrintfBacktraceByRef = 0x1404
	StackRegister        = 0x1501
	StackDeregister      = 0x1502
	StackChange          = 0x1503
	LoadPDB              = 0x1601
	MapIPToSrcLoc        = 0x1701
	ChangeErrDisablement = 0x1801
	VexInitForIRI        = 0x1901
	InnerThreads         = 0x1902
)

const (
	srcLocSize   = 64 // bytes of the buffer of MapIPToSrcLoc
	requestWords = 6  // code and five arguments

	maxOption uint = 4096 // longest monitor command or option
)

// ToolBase is the first code of the tool with the two letters a and b: 'M', 'C' for Memcheck.
func ToolBase(a, b byte) uint32 { return uint32(a)<<24 | uint32(b)<<16 }

// Core does what requests ask of the core. Methods run on the thread that made the request.
type Core interface {
	Memory() guest.Memory
	// DiscardTranslations forgets translated code of r, which the guest has changed.
	DiscardTranslations(t tool.Thread, r guest.Range)
	// CallGuest runs the guest function fn with args and returns its rax.
	CallGuest(t tool.Thread, fn guest.Addr, args []uint64) uint64
	// CountErrors is the number of errors shown so far.
	CountErrors() uint64
	// Monitor executes a monitor command and reports whether there is such a command.
	Monitor(t tool.Thread, cmd string) bool
	// ChangeOption sets a command-line option that may change while the guest runs; it warns about others.
	ChangeOption(t tool.Thread, option string)
	// Print writes text to the log with the client's prefix, followed by t's stack if backtrace. Text that does not end
	// a line is continued by the next.
	Print(t tool.Thread, text string, backtrace bool)
	// RegisterStack says that r is a stack; the number is for the two others.
	RegisterStack(t tool.Thread, r guest.Range) uint64
	DeregisterStack(t tool.Thread, id uint64)
	ChangeStack(t tool.Thread, id uint64, r guest.Range)
	// SourceLine is the file name and line of a code address.
	SourceLine(a guest.Addr) (file string, line int, ok bool)
	// DisableErrors adds delta, 1 or -1, to what keeps t's errors from being reported.
	DisableErrors(t tool.Thread, delta int)
	// Warn shows a message of the given lines to users who asked for details.
	Warn(lines ...string)
}

// Dispatcher hands out requests.
type Dispatcher struct {
	Core Core
	Tool tool.Requester // nil: the tool has no requests of its own

	warned atomic.Bool
}

// Handle carries out the request that t makes by the magic sequence: rax points to code and arguments, rdx holds the
// result for those who do not know the request, and gets the result. A request that can't be read changes nothing.
func (d *Dispatcher) Handle(t tool.Thread) {
	regs := t.Regs()
	var b [8 * requestWords]byte
	if d.Core.Memory().ReadMem(b[:], guest.Addr(regs.GPR[guest.RAX])) != len(b) {
		return
	}
	var args [requestWords]uint64
	for i := range args {
		args[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	regs.GPR[guest.RDX] = d.Dispatch(t, args, regs.GPR[guest.RDX])
}

// Dispatch carries out the request with code args[0] and arguments args[1:] and returns its result, which is def for a
// request that nobody knows.
func (d *Dispatcher) Dispatch(t tool.Thread, args [requestWords]uint64, def uint64) uint64 {
	code := uint32(args[0])
	if uint64(code) != args[0] {
		return d.unknown(args[0], def)
	}
	if r, ok := d.core(t, code, args); ok {
		return r
	}
	if d.Tool != nil {
		if r, ok := d.Tool.Request(t, code, [5]uint64(args[1:])); ok {
			return r
		}
	}
	switch code {
	case MallocLikeBlock, FreeLikeBlock, ResizeInPlaceBlock:
		return 0 // statements without result that programs issue under every tool
	}
	return d.unknown(args[0], def)
}

// core carries out requests that are the same under every tool.
func (d *Dispatcher) core(t tool.Thread, code uint32, args [requestWords]uint64) (result uint64, ok bool) {
	c := d.Core
	switch code {
	case RunningOnValgrind:
		return 1, true
	case DiscardTranslations:
		if r := span(args[1], args[1]+args[2]); !r.Empty() {
			c.DiscardTranslations(t, r)
		}
	case ClientCall0, ClientCall1, ClientCall2, ClientCall3:
		n := 2 + int(code-ClientCall0)
		return c.CallGuest(t, guest.Addr(args[1]), append([]uint64{uint64(t.ID())}, args[2:n]...)), true
	case CountErrors:
		return c.CountErrors(), true
	case GDBMonitorCommand:
		if !c.Monitor(t, readString(c.Memory(), guest.Addr(args[1]), maxOption)) {
			return 1, true
		}
	case ChangeOption:
		c.ChangeOption(t, readString(c.Memory(), guest.Addr(args[1]), maxOption))
	case Printf, PrintfVAListByRef, PrintfBacktrace, PrintfBacktraceByRef:
		// A va_list of amd64 is an array, so that the by-value forms pass its address, too.
		text := format(c.Memory(), guest.Addr(args[1]), newVAList(c.Memory(), guest.Addr(args[2])))
		c.Print(t, text, code == PrintfBacktrace || code == PrintfBacktraceByRef)
		return uint64(len(text)), true
	case StackRegister:
		return c.RegisterStack(t, stack(args[1], args[2])), true
	case StackDeregister:
		c.DeregisterStack(t, args[1])
	case StackChange:
		c.ChangeStack(t, args[1], stack(args[2], args[3]))
	case MapIPToSrcLoc:
		d.sourceLine(guest.Addr(args[1]), guest.Addr(args[2]))
	case ChangeErrDisablement:
		if n := int64(args[1]); n == 1 || n == -1 {
			c.DisableErrors(t, int(n))
		}
	case LoadPDB, VexInitForIRI, InnerThreads: // for Wine and for Valgrind itself
	default:
		return 0, false
	}
	return 0, true
}

// sourceLine writes "file:line" of a to the buffer at buf, cut to its size, or an empty string.
func (d *Dispatcher) sourceLine(a, buf guest.Addr) {
	var b [srcLocSize]byte
	if file, line, ok := d.Core.SourceLine(a); ok {
		copy(b[:srcLocSize-1], fmt.Sprintf("%s:%d", file, line))
	}
	d.Core.Memory().WriteMem(b[:], buf)
}

// unknown warns once.
func (d *Dispatcher) unknown(code, def uint64) uint64 {
	if d.warned.CompareAndSwap(false, true) {
		a, b := letter(byte(code>>24)), letter(byte(code>>16))
		d.Core.Warn(fmt.Sprintf("  unhandled client request: 0x%x (%c%c+0x%x).  Perhaps", code, a, b, code&0xffff),
			"  the program was made for another tool?")
	}
	return def
}

func letter(b byte) byte {
	if b < ' ' || b > '~' {
		return '_'
	}
	return b
}

// span is [start, end), empty when end wraps around.
func span(start, end uint64) guest.Range {
	return guest.Range{Start: guest.Addr(start), End: guest.Addr(end)}
}

// stack is the range of a stack request, whose end is the last byte. Programs mix up start and end.
func stack(start, end uint64) guest.Range {
	if start > end {
		start, end = end, start
	}
	return span(start, end+1)
}

// readString reads a zero-terminated string of at most limit bytes, up to the first byte that can't be read.
func readString(m guest.Memory, a guest.Addr, limit uint) string {
	var s []byte
	for uint(len(s)) < limit {
		// Up to the next page end at a time: what lies behind it may be another mapping or none.
		n := min(uint(a.PageDown()+guest.PageSize-a), limit-uint(len(s)), 256)
		var chunk [256]byte
		got := m.ReadMem(chunk[:n], a)
		for i, c := range chunk[:got] {
			if c == 0 {
				return string(append(s, chunk[:i]...))
			}
		}
		s = append(s, chunk[:got]...)
		if uint(got) < n {
			break
		}
		a += guest.Addr(got)
	}
	return string(s)
}
