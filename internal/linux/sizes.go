package linux

// Sizes in bytes of structures that system calls read and write: the kernel's versions, from include/uapi of Linux 6.18.
// Those that differ between 64-bit architectures are in sizes_<arch>.go.
const (
	SizeofAddr         = 8  // a pointer or long
	SizeofTimespec     = 16 // __kernel_timespec
	SizeofTimeval      = 16
	SizeofTimezone     = 8
	SizeofItimerval    = 32
	SizeofItimerspec   = 32
	SizeofTimex        = 208
	SizeofUtimbuf      = 16
	SizeofRusage       = 144
	SizeofRlimit       = 16
	SizeofTms          = 32
	SizeofSysinfo      = 112
	SizeofUtsname      = 390 // new_utsname: six fields of 65 bytes
	SizeofStatfs       = 120
	SizeofStatx        = 256
	SizeofSigset       = 8
	SizeofSiginfo      = 128
	SizeofStackT       = 24
	SizeofSigaction    = 32
	SizeofSigevent     = 64
	SizeofSchedParam   = 4
	SizeofCapHeader    = 8
	SizeofCapData      = 12 // one of the one or two elements
	SizeofIovec        = 16
	SizeofMmsghdr      = 64
	SizeofPollfd       = 8
	SizeofSembuf       = 6
	SizeofFlock        = 32
	SizeofFOwnerEx     = 8
	SizeofShmidDS      = 112
	SizeofSemidDS      = 104
	SizeofMsqidDS      = 120
	SizeofShminfo      = 72
	SizeofShmInfo      = 48
	SizeofSeminfo      = 40
	SizeofMsginfo      = 32
	SizeofMqAttr       = 64
	SizeofPerfAttr0    = 64 // PERF_ATTR_SIZE_VER0
	SizeofIocb         = 64
	SizeofIoEvent      = 32
	SizeofIoUringParms = 120
	SizeofCloneArgs0   = 64 // CLONE_ARGS_SIZE_VER0
	SizeofCloneArgs    = 88 // CLONE_ARGS_SIZE_VER2
	SizeofFutexWaitv   = 24
	SizeofFileHandle   = 8 // before f_handle[]
	SizeofCachestat    = 40
	SizeofSockFprog    = 16
	SizeofUstat        = 32
	SizeofTermios      = 36 // struct termios of the kernel, NCCS 19
	SizeofTermios2     = 44
	SizeofTermio       = 18
	SizeofWinsize      = 8
	SizeofIfreq        = 40
	SizeofArpreq       = 68
	SizeofRtentry      = 120
)

// SemNsems is the offset of sem_nsems in struct semid64_ds, from include/uapi/asm-generic/sembuf.h and x86's own.
const SemNsems = 80

// Fields of struct msghdr, from include/linux/socket.h (user_msghdr).
const (
	MsgName       = 0
	MsgNameLen    = 8
	MsgIov        = 16
	MsgIovLen     = 24
	MsgControl    = 32
	MsgControlLen = 40
	MsgFlags      = 48
	MmsgLen       = 56 // msg_len of struct mmsghdr
)

// Sizes of the versions of struct clone_args and its fields, from include/uapi/linux/sched.h.
const (
	CloneFlags      = 0
	ClonePidfd      = 8
	CloneChildTID   = 16
	CloneParentTID  = 24
	CloneExitSignal = 32
	CloneStack      = 40
	CloneStackSize  = 48
	CloneTLS        = 56
	CloneSetTID     = 64
	CloneSetTIDSize = 72
	CloneCgroup     = 80
)

// Parts of an ioctl number: include/uapi/asm-generic/ioctl.h, the same on amd64 and arm64.
const (
	IocNone  = 0
	IocWrite = 1 // the kernel reads user memory
	IocRead  = 2 // the kernel writes user memory
)

// IocDir, IocType, IocNr and IocSize take an ioctl number apart.
func IocDir(cmd uint32) uint32  { return cmd >> 30 }
func IocType(cmd uint32) uint32 { return cmd >> 8 & 0xff }
func IocNr(cmd uint32) uint32   { return cmd & 0xff }
func IocSize(cmd uint32) uint32 { return cmd >> 16 & 0x3fff }
