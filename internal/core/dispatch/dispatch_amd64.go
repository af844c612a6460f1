package dispatch

// entry is the address of the signal handler, back of what it returns to.
func entry() uintptr
func back() uintptr

// span is where both are: calls from there are let through.
func span() (lo, length uintptr)
