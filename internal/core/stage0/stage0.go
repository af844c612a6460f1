// Package stage0 holds the executable's real entry point, which runs before the Go runtime: it reserves the guest's
// address ranges so that everything of Go lands above guest.ToolHeap, blocks all signals, and keeps what the runtime is
// going to change (signal mask, pending signals, open-files limit) for the guest to see. Limits of memory, which would count the reservation, are
// raised and kept, too; without the right to that the process ends with a message.
//
// It is chosen by the link flag -E=stage0; without it Ran reports false and nothing is reserved.
package stage0

//lint:file-ignore U1000 assembly uses the variables

// Written by stage0 before the runtime starts; the runtime does not clear them.
var (
	ran                                uint64
	initialMask                        uint64
	initialNoFile                      [2]uint64
	initialAS, initialData             [2]uint64
	ignored                            uint64
	waiting                            [16][128]byte // siginfo_t
	noTime                             [2]uint64     // struct timespec
	action                             [4]uint64     // struct sigaction of the kernel, scratch
	lowResult, cacheResult, highResult int64
)

// Ran reports whether the process was started through stage0.
func Ran() bool { return ran != 0 }

// Reserved reports whether the low range, the code cache and the high range could be reserved.
func Reserved() (low, cache, high bool) {
	return ran != 0 && lowResult > 0, ran != 0 && cacheResult > 0, ran != 0 && highResult > 0
}

// SignalMask is the signal mask that the process was started with.
func SignalMask() uint64 { return initialMask }

// SetSignalMask says what SignalMask was in the process that has started this executable again.
func SetSignalMask(mask uint64) { initialMask = mask }

// NoFileLimit is the soft and the hard limit of open files that the process was started with; zeros if Ran is false.
func NoFileLimit() (soft, hard uint64) { return initialNoFile[0], initialNoFile[1] }

// SpaceLimit and DataLimit are RLIMIT_AS and RLIMIT_DATA that the process was started with: the first is unlimited now, the second
// if that was allowed. Zeros if Ran is false.
func SpaceLimit() (soft, hard uint64) { return initialAS[0], initialAS[1] }
func DataLimit() (soft, hard uint64)  { return initialData[0], initialData[1] }

// IgnoredSignals is the set of signals (bit n-1 for signal n) that were ignored when the process was started.
func IgnoredSignals() uint64 { return ignored }

// WaitingSignals are the siginfo_t of blocked signals that were pending when the process was started, in the kernel's order. They have been
// taken from the kernel, because Go lets some signals through before it has handlers for them.
func WaitingSignals() [][128]byte {
	for i := range waiting {
		if waiting[i][0] == 0 { // a signal's number
			return waiting[:i]
		}
	}
	return waiting[:]
}
