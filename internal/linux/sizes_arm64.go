package linux

// Sizes that differ from amd64: include/uapi/asm-generic/stat.h, arch/arm64/include/uapi/asm/ptrace.h.
const (
	SizeofStat       = 128
	SizeofEpollEvent = 16
	SizeofUserRegs   = 272
	SizeofUserFPRegs = 528
)
