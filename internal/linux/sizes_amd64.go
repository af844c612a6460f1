package linux

// Sizes that only amd64 has so: arch/x86/include/uapi/asm/stat.h, user_64.h, sys/epoll.h (epoll_event is packed).
const (
	SizeofStat       = 144
	SizeofEpollEvent = 12
	SizeofUserRegs   = 216
	SizeofUserFPRegs = 512
)
