package loader

import (
	"crypto/rand"
	"encoding/binary"
	"os"

	"gogrind/internal/core/aspace"
	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

// Types of auxiliary vector entries (linux/auxvec.h).
const (
	atNull        = 0
	atPhdr        = 3
	atPhent       = 4
	atPhnum       = 5
	atPagesz      = 6
	atBase        = 7
	atFlags       = 8
	atEntry       = 9
	atUID         = 11
	atEUID        = 12
	atGID         = 13
	atEGID        = 14
	atPlatform    = 15
	atHWCAP       = 16
	atClktck      = 17
	atSecure      = 23
	atRandom      = 25
	atHWCAP2      = 26
	atHWCAP3      = 29
	atHWCAP4      = 30
	atExecFn      = 31
	atMinSigStkSz = 51
)

const (
	platform = "x86_64"

	defaultStack = 8 << 20
	// unlimitedStack is what "ulimit -s unlimited" means for a stack that is mapped whole.
	unlimitedStack = 64 << 20
	minStack       = 128 << 10 // ARG_MAX: room for arguments that the kernel grants whatever the limit
	maxStack       = 32 << 30  // half of what aspace sets aside

	maxArgLen = 128 << 10 // MAX_ARG_STRLEN
)

// stackSize decides how much stack to map.
func (o *Options) stackSize() uint64 {
	n := o.MainStackSize
	if n == 0 {
		var lim unix.Rlimit
		switch err := unix.Getrlimit(unix.RLIMIT_STACK, &lim); {
		case err != nil:
			n = defaultStack
		case lim.Cur == unix.RLIM_INFINITY:
			n = unlimitedStack
		default:
			n = lim.Cur
		}
	}
	return uint64(guest.Addr(min(max(n, minStack), maxStack)).PageUp())
}

// hostAuxv reads our own auxiliary vector.
func hostAuxv() ([]uint64, error) {
	b, err := os.ReadFile("/proc/self/auxv")
	if err != nil {
		return nil, err
	}
	v := make([]uint64, len(b)/8)
	for i := range v {
		v[i] = binary.LittleEndian.Uint64(b[i*8:])
	}
	return v, nil
}

// frame lays out the first stack from its top downward, in the kernel's order.
type frame struct {
	top guest.Addr
	buf []byte     // the bytes below top: buf[len(buf)-1] is at top-1
	at  guest.Addr // lowest byte in use
}

// push puts b below what is there and returns its address.
func (f *frame) push(b []byte) guest.Addr {
	f.at -= guest.Addr(len(b))
	copy(f.buf[len(f.buf)-int(f.top-f.at):], b)
	return f.at
}

// pushStrings puts the strings so that they lie in memory in their order, each with its zero.
func (f *frame) pushStrings(list []string) []guest.Addr {
	at := make([]guest.Addr, len(list))
	for i := len(list) - 1; i >= 0; i-- {
		at[i] = f.push(append([]byte(list[i]), 0))
	}
	return at
}

// buildStack maps the stack and fills it.
func (im *Image) buildStack(sp *aspace.Space, envv []string, opt Options) error {
	size := opt.stackSize()
	strings := uint64(len(im.ExecFn) + 1)
	for _, list := range [][]string{im.Argv, envv} {
		for _, s := range list {
			if len(s)+1 > maxArgLen {
				return unix.E2BIG
			}
			strings += uint64(len(s) + 1)
		}
	}
	pointers := 8 * uint64(len(im.Argv)+len(envv)+2)
	// The kernel grants a quarter of the limit, but no less than ARG_MAX. Half of the stack is left in any case.
	if strings+pointers > max(size/4, minStack) || strings+pointers > size/2 {
		return unix.E2BIG
	}
	host := opt.Auxv
	if host == nil {
		var err error
		if host, err = hostAuxv(); err != nil {
			return err
		}
	}
	random := opt.Random
	if random == nil {
		random = new([16]byte)
		rand.Read(random[:])
	}
	var err error
	if im.Stack, err = sp.MapStack(size, im.ExecStack); err != nil {
		return err
	}

	// Room: strings, pointers, argc, the vector, platform, random bytes and what alignment takes.
	const extra = 2 * pageSize
	n := strings + pointers + extra
	f := &frame{top: im.Stack.End, at: im.Stack.End, buf: make([]byte, n)}
	f.push(make([]byte, 8)) // a zero word ends the stack
	execFn := f.push(append([]byte(im.ExecFn), 0))
	im.Env.End = execFn
	env := f.pushStrings(envv)
	im.Env.Start, im.Args.End = f.at, f.at
	args := f.pushStrings(im.Argv)
	im.Args.Start = f.at
	f.at &^= 15
	platformAt := f.push([]byte(platform + "\x00"))
	randomAt := f.push(random[:])

	im.Auxv = im.vector(host, execFn, platformAt, randomAt)
	words := []uint64{uint64(len(args))}
	for _, list := range [][]guest.Addr{args, env} {
		for _, a := range list {
			words = append(words, uint64(a))
		}
		words = append(words, 0)
	}
	words = append(words, im.Auxv...)
	table := make([]byte, 0, 8*len(words))
	for _, w := range words {
		table = binary.LittleEndian.AppendUint64(table, w)
	}
	f.at = (f.at - guest.Addr(len(table))) &^ 15
	copy(f.buf[len(f.buf)-int(f.top-f.at):], table)
	im.SP = f.at

	used := f.buf[len(f.buf)-int(f.top-f.at):]
	if sp.WriteMem(used, f.at) != len(used) {
		return unix.EFAULT
	}
	return nil
}

// vector is the auxiliary vector, in the kernel's order.
func (im *Image) vector(host []uint64, execFn, platformAt, randomAt guest.Addr) []uint64 {
	own := make(map[uint64]uint64)
	for i := 0; i+1 < len(host) && host[i] != atNull; i += 2 {
		own[host[i]] = host[i+1]
	}
	var v []uint64
	put := func(t, x uint64) { v = append(v, t, x) }
	pass := func(t uint64) {
		if x, ok := own[t]; ok {
			put(t, x)
		}
	}
	pass(atMinSigStkSz)
	pass(atHWCAP)
	put(atPagesz, pageSize)
	pass(atClktck)
	put(atPhdr, uint64(im.PHDR))
	put(atPhent, phdrSize)
	put(atPhnum, uint64(im.PHNum))
	put(atBase, uint64(im.InterpBase))
	put(atFlags, 0)
	put(atEntry, uint64(im.ProgramEntry))
	put(atUID, uint64(unix.Getuid()))
	put(atEUID, uint64(unix.Geteuid()))
	put(atGID, uint64(unix.Getgid()))
	put(atEGID, uint64(unix.Getegid()))
	pass(atSecure)
	put(atRandom, uint64(randomAt))
	pass(atHWCAP2)
	pass(atHWCAP3)
	pass(atHWCAP4)
	put(atExecFn, uint64(execFn))
	put(atPlatform, uint64(platformAt))
	put(atNull, 0)
	return v
}
