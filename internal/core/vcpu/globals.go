package vcpu

//lint:file-ignore U1000 assembly reads them

// Globals that the signal handler reads. Set once by Init, before the first guest thread; mainContext by SetMain.
var (
	goHandler            uintptr // Go's own handler, found in the disposition of SIGSEGV
	cacheLo, cacheHi     uintptr // translated code
	copyLo, copyHi       uintptr // guest-memory copy that recovers from faults, see aspace
	copyResume           uintptr
	pid                  int32
	kick                 int32 // signal number that only makes a thread look at its state
	profiling            int32
	mainContext          uintptr
	exitAddr, hookAddr   uintptr
	quickCode            uintptr // see SetQuick
	handlerAddr, restore uintptr
)
