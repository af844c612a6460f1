package syswrap

import (
	"fmt"

	"gogrind/internal/linux"
)

// A row describes one system call. The same row drives the checks before the call, the marking of memory after it, the
// trace, and docs/syscalls.md.
type row struct {
	name string // the kernel's name
	as   string // name in messages where Valgrind's differs, "" otherwise
	args A
	flags
	absent string // not "": the call is refused with ENOSYS, and why

	// do replaces the call into the kernel; nil: the call is made with c.raw.
	do func(c *Call) int64
	// before and after add what the arguments' descriptions cannot say.
	before, after func(c *Call)
	// sub picks a second-level row by an argument's value; its arguments come on top of args. nil: none.
	sub func(c *Call) *subRow
}

// A is the list of a call's parameters in register order.
type A []Param

type flags uint

const (
	// MayBlock is set for calls that can wait for something other than a disk.
	MayBlock flags = 1 << iota
	// NewFD is set for calls whose result is a new descriptor.
	NewFD
	// NewPair is set for calls that store two new descriptors at their first pointer.
	NewPair
	// Warn is set for calls that are passed on although gogrind cannot see all they do.
	Warn
)

// kind is how a register argument is meant, which decides how it is printed and what is done with a pointer.
type kind uint8

const (
	kSkip   kind = iota // not looked at (second-level rows)
	kInt                // signed decimal
	kHex                // flags, addresses that are not followed
	kOctal              // file modes
	kFD                 // descriptor
	kDirFD              // descriptor or AT_FDCWD
	kString             // pointer to a string the kernel reads
	kPath               // the same, naming a file
	kIn                 // pointer to memory the kernel reads
	kOut                // pointer to memory the kernel writes
	kInOut
	kIovIn  // pointer to an array of iovec whose buffers the kernel reads
	kIovOut // pointer to an array of iovec whose buffers the kernel writes
)

func (k kind) pointer() bool { return k >= kString }

// Param is one parameter of a call.
type Param struct {
	name     string // register's name in messages
	mem      string // name of the memory behind a pointer in messages, "" if it is name
	text     string // whole name of the memory in messages ("ioctl(TCGETS)"); named fills it in
	register string // whole name of the register in messages ("ioctl(arg)"); filled in by named
	kind     kind
	width    int  // bytes of the register that count
	size     Size // bytes behind a pointer before the call
	post     Size // bytes written by the call, nil: size; never more than size gave before the call
	null     bool // a null pointer is not followed
	indexed  bool // buffers of iovecs are vector[0], vector[1], ..., not vector[...]
	when     func(c *Call) bool
	onEINTR  bool // the memory is written when the call is interrupted
	// fields are the parts of a structure that the kernel reads; nil: all of it.
	fields []field
}

// field is a part of a structure.
type field struct {
	name string // "->sa_handler": appended to the parameter's name
	off  uint64
	size uint64
}

// Opt says that the pointer may be null.
func (p Param) Opt() Param { p.null = true; return p }

// Indexed says that messages number the buffers of an iovec array.
func (p Param) Indexed() Param { p.indexed = true; return p }

// When restricts the parameter to calls for which f holds: otherwise neither register nor memory is looked at.
func (p Param) When(f func(c *Call) bool) Param { p.when = f; return p }

// Mem names the memory behind the pointer where messages do not use the register's name.
func (p Param) Mem(name string) Param { p.mem = name; return p }

// Text gives the whole name of the memory behind the pointer, call included.
func (p Param) Text(name string) Param { p.text = name; return p }

// OnEINTR says that the memory is written when a signal interrupts the call.
func (p Param) OnEINTR() Param { p.onEINTR = true; return p }

// Fields says which parts of the structure are read.
func (p Param) Fields(f ...field) Param { p.fields = f; return p }

// Post is the number of bytes written, where it is not all of size.
func (p Param) Post(s Size) Param { p.post = s; return p }

func F(name string, off, size uint64) field { return field{name, off, size} }

func scalar(name string, k kind, width int) Param { return Param{name: name, kind: k, width: width} }

// Scalars: 32-bit and 64-bit integers, flags, modes, descriptors.
func Int(name string) Param   { return scalar(name, kInt, 4) }
func Long(name string) Param  { return scalar(name, kInt, 8) }
func Hex(name string) Param   { return scalar(name, kHex, 4) }
func Addr(name string) Param  { return scalar(name, kHex, 8) }
func Mode(name string) Param  { return scalar(name, kOctal, 4) }
func FD(name string) Param    { return scalar(name, kFD, 4) }
func DirFD(name string) Param { return scalar(name, kDirFD, 4) }

func pointer(name string, k kind, size Size) Param {
	return Param{name: name, kind: k, width: 8, size: size}
}

// Pointers: strings, file names, buffers read, written or both, and arrays of n iovecs.
func Str(name string) Param            { return pointer(name, kString, nil) }
func Path(name string) Param           { return pointer(name, kPath, nil) }
func In(name string, size Size) Param  { return pointer(name, kIn, size) }
func Out(name string, size Size) Param { return pointer(name, kOut, size) }
func InOut(name string, sz Size) Param { return pointer(name, kInOut, sz) }
func IovIn(name string, n Size) Param  { return pointer(name, kIovIn, n) }
func IovOut(name string, n Size) Param { return pointer(name, kIovOut, n) }
func skip() Param                      { return Param{} }
func (p Param) inMem() bool            { return p.kind == kIn || p.kind == kInOut }
func (p Param) outMem() bool           { return p.kind == kOut || p.kind == kInOut }
func when(arg int, bits uint64) func(*Call) bool {
	return func(c *Call) bool { return c.Args[arg]&bits != 0 }
}

// Size is an expression for a number of bytes (or of elements), over the arguments and the result of a call.
type Size interface {
	eval(c *Call) uint64
	String() string
}

// N is a constant size.
type N uint64

func (n N) eval(*Call) uint64 { return uint64(n) }
func (n N) String() string    { return fmt.Sprint(uint64(n)) }

// Arg is the value of an argument, counted from 0. Args32 is the same for a 32-bit parameter.
type Arg int

func (a Arg) eval(c *Call) uint64 { return c.Args[a] }
func (a Arg) String() string      { return fmt.Sprintf("arg%d", int(a)) }

// Arg32 is the lower half of an argument, for parameters of type int; negative values are no size.
type Arg32 int

func (a Arg32) eval(c *Call) uint64 {
	if v := int32(c.Args[a]); v > 0 {
		return uint64(v)
	}
	return 0
}
func (a Arg32) String() string { return fmt.Sprintf("arg%d", int(a)) }

// Result is the call's result, 0 when it failed.
type resultSize struct{}

var Result Size = resultSize{}

func (resultSize) eval(c *Call) uint64 {
	if c.Result > 0 {
		return uint64(c.Result)
	}
	return 0
}
func (resultSize) String() string { return "result" }

// Times is n elements of size bytes each.
func Times(n Size, size uint64) Size { return times{n, size} }

type times struct {
	n    Size
	size uint64
}

func (t times) eval(c *Call) uint64 {
	n := t.n.eval(c)
	if t.size != 0 && n > 1<<47/t.size {
		return 1 << 47 // more than any address space has: fails as it does in the kernel
	}
	return n * t.size
}
func (t times) String() string { return fmt.Sprintf("%v * %d", t.n, t.size) }

// Deref32 is the 32-bit value that argument n points to: a socklen_t given before the call and changed by it.
type Deref32 int

func (d Deref32) eval(c *Call) uint64 {
	if c.Args[d] == 0 {
		return 0
	}
	v, _ := c.load32(c.Args[d])
	if int32(v) < 0 {
		return 0
	}
	return uint64(v)
}
func (d Deref32) String() string { return fmt.Sprintf("*arg%d", int(d)) }

// Bits is the size of a bit set of n bits in 64-bit words.
type Bits int

func (b Bits) eval(c *Call) uint64 {
	n := int32(c.Args[b])
	if n <= 0 {
		return 0
	}
	return (uint64(n) + 63) / 64 * linux.SizeofAddr
}
func (b Bits) String() string { return fmt.Sprintf("arg%d bits in words", int(b)) }

// nodes is the size of a set of NUMA nodes of n bits, of which the kernel does not look at the last (get_nodes in
// mm/mempolicy.c).
type nodes int

func (b nodes) eval(c *Call) uint64 {
	n := c.Args[b]
	if n <= 1 {
		return 0
	}
	return ((n-2)/64 + 1) * linux.SizeofAddr
}
func (b nodes) String() string { return fmt.Sprintf("arg%d-1 bits in words", int(b)) }

// BitBytes is the size of a bit set of n bits in bytes.
type BitBytes int

func (b BitBytes) eval(c *Call) uint64 {
	n := int32(c.Args[b])
	if n <= 0 {
		return 0
	}
	return (uint64(n) + 7) / 8
}
func (b BitBytes) String() string { return fmt.Sprintf("arg%d bits", int(b)) }

// Fn is a size computed by a function; s says how in the documentation.
func Fn(s string, f func(c *Call) uint64) Size { return fnSize{s, f} }

type fnSize struct {
	text string
	f    func(c *Call) uint64
}

func (f fnSize) eval(c *Call) uint64 { return f.f(c) }
func (f fnSize) String() string      { return f.text }

// option is a property of a row beyond its name and parameters.
type option func(*row)

func (f flags) apply(r *row)  { r.flags |= f }
func (o option) apply(r *row) { o(r) }

type rowOption interface{ apply(*row) }

// sys makes a row.
func sys(name string, args A, options ...rowOption) row {
	r := row{name: name, args: args}
	for _, o := range options {
		o.apply(&r)
	}
	return r
}

// As gives the name of the call in messages where Valgrind's differs from the kernel's.
func As(name string) option { return func(r *row) { r.as = name } }

// Do replaces the call into the kernel.
func Do(f func(c *Call) int64) option { return func(r *row) { r.do = f } }

// Before and After add checks and marks.
func Before(f func(c *Call)) option { return func(r *row) { r.before = f } }
func After(f func(c *Call)) option  { return func(r *row) { r.after = f } }

// Sub names the chooser of second-level rows.
func Sub(f func(c *Call) *subRow) option { return func(r *row) { r.sub = f } }

// Absent is a call that is refused with ENOSYS; reason says why that is right.
func Absent(name, reason string) row { return row{name: name, absent: reason} }

// subRow is a second-level row: what one command of ioctl, fcntl, prctl, ... does with the call's arguments. Its args are
// by register position; those before the command are skip().
type subRow struct {
	name string
	args A
	do   func(c *Call) int64
	// before and after as in row.
	before, after func(c *Call)
	newFD         bool
}
