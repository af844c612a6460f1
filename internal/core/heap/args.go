package heap

import (
	"strings"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// What functions want of an alignment, as Valgrind 3.22 and later say it.
const (
	wantsPower    = " (should be power of 2)"
	wantsPointer  = " (should be non-zero, a power of 2 and a multiple of sizeof(void*))"
	wantsNonZero  = " (should be non-zero and a power of 2)"
	wantsMultiple = " (size should be a multiple of alignment)"
)

// freeArgs says which arguments of a function that frees are the size and the alignment; 0: none is.
var freeArgs = map[string]struct{ size, align int }{
	"free_sized": {1, 0}, "free_aligned_sized": {2, 1},
	"_ZdlPvm": {1, 0}, "_ZdaPvm": {1, 0}, "_ZdlPvSt11align_val_t": {0, 1}, "_ZdaPvSt11align_val_t": {0, 1},
	"_ZdlPvmSt11align_val_t": {1, 2}, "_ZdaPvmSt11align_val_t": {1, 2},
	"_ZdlPvSt11align_val_tRKSt9nothrow_t": {0, 1}, "_ZdaPvSt11align_val_tRKSt9nothrow_t": {0, 1},
}

// checkArgs tells c of arguments of a call of row f's function that do not fit.
func (a *Allocator) checkArgs(c tool.HeapArgs, f *family, t tool.Thread, args [3]uint64) {
	power := func(n uint64) bool { return n != 0 && n&(n-1) == 0 }
	switch f.role {
	case roleMemalign:
		align, size := args[0], args[1]
		switch aligned := f.symbol == "aligned_alloc"; {
		case !power(align):
			c.BadAlign(t, align, size, wantsPower, false)
		case aligned && size == 0:
			c.BadSize(t, "aligned_alloc()")
		case aligned && size%align != 0:
			c.BadAlign(t, align, size, wantsMultiple, true)
		case size == 0:
			c.BadSize(t, "memalign()")
		}
	case rolePosixMemalign:
		if align := args[1]; !power(align) || align%8 != 0 {
			c.BadAlign(t, align, args[2], wantsPointer, false)
		} else if args[2] == 0 {
			c.BadSize(t, "posix_memalign()")
		}
	case roleAllocAligned:
		if !power(args[1]) {
			c.BadAlign(t, args[1], args[0], wantsNonZero, false)
		}
	case roleFree:
		a.checkFree(c, f, t, args)
	}
}

// checkFree compares size and alignment of a function that frees with those of the block. Blocks that another function is for are
// reported for that.
func (a *Allocator) checkFree(c tool.HeapArgs, f *family, t tool.Thread, args [3]uint64) {
	b, live := a.At(guest.Addr(args[0]))
	if !live || b.Freed || b.Kind != f.kind {
		return
	}
	at, listed := freeArgs[f.symbol]
	functions := "malloc/free"
	switch {
	case strings.HasPrefix(f.symbol, "_Zda"):
		functions = "new[]/delete[]"
	case strings.HasPrefix(f.symbol, "_Zdl"):
		functions = "new/delete"
	}
	if listed && at.size != 0 && args[at.size] != b.Size {
		c.SizeMismatch(t, b, functions, args[at.size])
	}
	switch {
	case at.align != 0 && args[at.align] != b.Align:
		c.AlignMismatch(t, b, functions, args[at.align])
	case at.align == 0 && b.Align != 0 && f.kind != tool.KindMalloc:
		c.AlignMismatch(t, b, functions, 0)
	}
}
