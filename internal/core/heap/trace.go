package heap

import (
	"fmt"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// Trace is the line of --trace-malloc=yes about a call that h is going to do for t, and returns with the address or number in result. It
// is called before Do; "" stands for calls that are not told.
func (h *Hook) Trace(t tool.Thread) (line string, result func(uint64) string) {
	g := &t.Regs().GPR
	x, y, z := g[guest.RDI], g[guest.RSI], g[guest.RDX]
	address := func(v uint64) string { return fmt.Sprintf(" = 0x%X", v) }
	switch h.role {
	case roleAlloc:
		return fmt.Sprintf("%s(%d)", h.Symbol, x), address
	case roleAllocAligned:
		return fmt.Sprintf("%s(size %d, al %d)", h.Symbol, x, y), address
	case roleCalloc:
		return fmt.Sprintf("calloc(%d,%d)", x, y), address
	case roleRealloc:
		if x == 0 {
			return fmt.Sprintf("malloc(%d)", y), address
		}
		return fmt.Sprintf("realloc(0x%X,%d)", x, y), address
	case roleFree:
		return fmt.Sprintf("%s(0x%X)", h.Symbol, x), func(uint64) string { return "" }
	case roleMemalign:
		return fmt.Sprintf("memalign(al %d, size %d)", x, y), address
	case rolePosixMemalign:
		return fmt.Sprintf("posix_memalign(al %d, size %d)", y, z), func(v uint64) string { return fmt.Sprintf(" = %d", v) }
	case roleValloc, rolePvalloc:
		return fmt.Sprintf("memalign(al %d, size %d)", guest.PageSize, x), address
	case roleUsableSize:
		return fmt.Sprintf("malloc_usable_size(0x%X)", x), func(v uint64) string { return fmt.Sprintf(" = %d", v) }
	case roleMallinfo, roleMallinfo2:
		return h.Symbol + "()", func(uint64) string { return "" }
	}
	return "", nil
}
