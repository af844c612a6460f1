package syswrap

import (
	"gogrind/internal/linux"

	"golang.org/x/sys/unix"
)

func ipcRows() []row {
	return []row{
		sys("shmget", A{Int("key"), Addr("size"), Hex("shmflg")}),
		sys("shmctl", A{Int("shmid"), Int("cmd"), Addr("buf")}, Sub(shmctlRow)),
		sys("semget", A{Int("key"), Int("nsems"), Hex("semflg")}),
		sys("semop", A{Int("semid"), In("sops", Times(Arg(2), linux.SizeofSembuf)), Addr("nsoops")}, MayBlock),
		sys("semtimedop", A{Int("semid"), In("sops", Times(Arg(2), linux.SizeofSembuf)), Addr("nsoops"),
			In("timeout", N(linux.SizeofTimespec)).Opt()}, MayBlock),
		sys("semctl", A{Int("semid"), Int("semnum"), Int("cmd")}, Sub(semctlRow)),
		sys("msgget", A{Int("key"), Hex("msgflg")}),
		sys("msgsnd", A{Int("msqid"), In("msgp", N(8)).Text("msgsnd(msgp->mtype)"), Addr("msgsz"), Hex("msgflg")}, MayBlock,
			Before(func(c *Call) { c.read("msgsnd(msgp->mtext)", c.Args[1]+8, c.Args[2]) })),
		sys("msgrcv", A{Int("msqid"), Out("msgp", N(8)).Text("msgrcv(msgp->mtype)"), Addr("msgsz"), Long("msgytp"),
			Hex("msgflg")}, MayBlock,
			Before(func(c *Call) { c.write("msgrcv(msgp->mtext)", c.Args[1]+8, c.Args[2]) }),
			After(func(c *Call) { c.wrote(c.Args[1]+8, uint64(c.Result)) })),
		sys("msgctl", A{Int("msqid"), Int("cmd"), Addr("buf")}, Sub(msgctlRow)),
		sys("mq_open", A{Str("name"), Hex("oflag"), Mode("mode").When(creates), In("attr", N(linux.SizeofMqAttr)).Opt().
			When(creates).Fields(F("->mq_maxmsg", 8, 8), F("->mq_msgsize", 16, 8))}, NewFD),
		sys("mq_unlink", A{Str("name")}),
		sys("mq_timedsend", A{FD("mqdes"), In("msg_ptr", Arg(2)), Addr("msg_len"), Int("msg_prio"),
			In("abs_timeout", N(linux.SizeofTimespec)).Opt()}, MayBlock),
		sys("mq_timedreceive", A{FD("mqdes"), Out("msg_ptr", Arg(2)).Post(Result), Addr("msg_len"), Out("msg_prio", N(4)).Opt(),
			In("abs_timeout", N(linux.SizeofTimespec)).Opt()}, MayBlock),
		sys("mq_notify", A{FD("mqdes"), In("notification", N(linux.SizeofSigevent)).Opt().
			Fields(F("", 0, 8), F("", 8, 4), F("", 12, 4))}),
		sys("mq_getsetattr", A{FD("mqdes"), In("mqstat", N(linux.SizeofMqAttr)).Opt().Fields(F("->mq_flags", 0, 8)),
			Out("omqstat", N(linux.SizeofMqAttr)).Opt()}),
	}
}

// ipc64 is the flag IPC_64 that 32-bit libraries add to commands.
const ipc64 = 0x100

// Commands of the ctl calls beyond unix.IPC_*: include/uapi/linux/{shm,sem,msg}.h.
const (
	ipcInfo    = 3
	shmStat    = 13
	shmInfo    = 14
	shmStatAny = 15
	semGetAll  = 13
	semSetVal  = 16
	semSetAll  = 17
	semStat    = 18
	semInfo    = 19
	semStatAny = 20
	msgStat    = 11
	msgInfo    = 12
	msgStatAny = 13
)

// Of IPC_SET the kernel reads owner, group and mode only: uid at 4, gid at 8, mode at 20 of struct ipc64_perm.
var permFields = []field{F("", 4, 4), F("", 8, 4), F("", 20, 4)}

func shmctlRow(c *Call) *subRow {
	switch c.Args[1] &^ ipc64 {
	case ipcInfo:
		return &subRow{name: "IPC_INFO", args: at(2, Out("buf", N(linux.SizeofShminfo)).Text("shmctl(IPC_INFO, buf)"))}
	case shmInfo:
		return &subRow{name: "SHM_INFO", args: at(2, Out("buf", N(linux.SizeofShmInfo)).Text("shmctl(SHM_INFO, buf)"))}
	case unix.IPC_STAT, shmStat, shmStatAny:
		return &subRow{name: "IPC_STAT", args: at(2, Out("buf", N(linux.SizeofShmidDS)).Text("shmctl(IPC_STAT, arg.buf)"))}
	case unix.IPC_SET:
		return &subRow{name: "IPC_SET", args: at(2, In("buf", N(linux.SizeofShmidDS)).Fields(permFields...).
			Text("shmctl(IPC_SET, arg.buf)"))}
	}
	return nil
}

func semctlRow(c *Call) *subRow {
	arg := Addr("arg")
	switch c.Args[2] &^ ipc64 {
	case ipcInfo, semInfo:
		return &subRow{name: "IPC_INFO", args: at(3, Out("arg", N(linux.SizeofSeminfo)).Text("semctl(IPC_INFO, arg.buf)"))}
	case unix.IPC_STAT, semStat, semStatAny:
		return &subRow{name: "IPC_STAT", args: at(3, Out("arg", N(linux.SizeofSemidDS)).Text("semctl(IPC_STAT, arg.buf)"))}
	case unix.IPC_SET:
		return &subRow{name: "IPC_SET", args: at(3, In("arg", N(linux.SizeofSemidDS)).Fields(permFields...).
			Text("semctl(IPC_SET, arg.buf)"))}
	case semGetAll:
		return &subRow{name: "GETALL", args: at(3, Out("arg", Fn("2 * sem_nsems", semaphores)).
			Text("semctl(IPC_GETALL, arg.array)"))}
	case semSetAll:
		return &subRow{name: "SETALL", args: at(3, In("arg", Fn("2 * sem_nsems", semaphores)).
			Text("semctl(IPC_SETALL, arg.array)"))}
	case semSetVal:
		return &subRow{name: "SETVAL", args: at(3, arg)}
	}
	return nil
}

// semaphores is the size of an array of 16-bit values for each semaphore of the set that semctl is about.
func semaphores(c *Call) uint64 {
	nr, _ := linux.SyscallNumber("semctl")
	b := c.own(make([]byte, linux.SizeofSemidDS))
	if r := c.t.Raw(uintptr(nr), [6]uint64{c.Args[0], 0, unix.IPC_STAT, b}); r < 0 {
		return 0
	}
	return 2 * get64(c.keep[len(c.keep)-1][linux.SemNsems:])
}

func msgctlRow(c *Call) *subRow {
	switch c.Args[1] &^ ipc64 {
	case ipcInfo, msgInfo:
		return &subRow{name: "IPC_INFO", args: at(2, Out("buf", N(linux.SizeofMsginfo)).Text("msgctl(IPC_INFO, buf)"))}
	case unix.IPC_STAT, msgStat, msgStatAny:
		return &subRow{name: "IPC_STAT", args: at(2, Out("buf", N(linux.SizeofMsqidDS)).Text("msgctl(IPC_STAT, buf)"))}
	case unix.IPC_SET:
		return &subRow{name: "IPC_SET", args: at(2, In("buf", N(linux.SizeofMsqidDS)).Fields(permFields...).
			Text("msgctl(IPC_SET, arg.buf)"))}
	}
	return nil
}

// at puts parameters at register position i of a second-level row.
func at(i int, p ...Param) A { return append(make(A, i), p...) }
