package syswrap

import (
	"sync"

	"gogrind/internal/linux"

	"golang.org/x/sys/unix"
)

// ioctlKind is what an ioctl's argument leads to.
type ioctlKind struct {
	name string // in messages: ioctl(name)
	dir  kind   // kIn, kOut, kInOut; kInt: no pointer
	size uint64
	fd   bool // the result is a new descriptor
	// ifr: the argument is a struct ifreq, a name of 16 bytes and a union, of which size bytes count as dir says.
	ifr bool
}

// ioctls are the commands whose number does not say what is behind the argument, and those with a name in messages.
var ioctls = sync.OnceValue(func() map[uint32]ioctlKind {
	return map[uint32]ioctlKind{
		// Terminals: include/uapi/asm-generic/ioctls.h.
		unix.TCGETS:        {name: "TCGETS", dir: kOut, size: linux.SizeofTermios},
		unix.TCSETS:        {name: "TCSET{S,SW,SF}", dir: kIn, size: linux.SizeofTermios},
		unix.TCSETSW:       {name: "TCSET{S,SW,SF}", dir: kIn, size: linux.SizeofTermios},
		unix.TCSETSF:       {name: "TCSET{S,SW,SF}", dir: kIn, size: linux.SizeofTermios},
		unix.TCGETS2:       {name: "TCGETS2", dir: kOut, size: linux.SizeofTermios2},
		unix.TCSETS2:       {name: "TCSETS2", dir: kIn, size: linux.SizeofTermios2},
		unix.TCSETSW2:      {name: "TCSETS2", dir: kIn, size: linux.SizeofTermios2},
		unix.TCSETSF2:      {name: "TCSETS2", dir: kIn, size: linux.SizeofTermios2},
		unix.TCGETA:        {name: "TCGETA", dir: kOut, size: linux.SizeofTermio},
		unix.TCSETA:        {name: "TCSET{A,AW,AF}", dir: kIn, size: linux.SizeofTermio},
		unix.TCSETAW:       {name: "TCSET{A,AW,AF}", dir: kIn, size: linux.SizeofTermio},
		unix.TCSETAF:       {name: "TCSET{A,AW,AF}", dir: kIn, size: linux.SizeofTermio},
		unix.TCSBRK:        {name: "TCSBRK", dir: kInt},
		unix.TCSBRKP:       {name: "TCSBRKP", dir: kInt},
		unix.TCXONC:        {name: "TCXONC", dir: kInt},
		unix.TCFLSH:        {name: "TCFLSH", dir: kInt},
		unix.TIOCSBRK:      {name: "TIOCSBRK", dir: kInt},
		unix.TIOCCBRK:      {name: "TIOCCBRK", dir: kInt},
		unix.TIOCEXCL:      {name: "TIOCEXCL", dir: kInt},
		unix.TIOCNXCL:      {name: "TIOCNXCL", dir: kInt},
		unix.TIOCSCTTY:     {name: "TIOCSCTTY", dir: kInt},
		unix.TIOCNOTTY:     {name: "TIOCNOTTY", dir: kInt},
		unix.TIOCVHANGUP:   {name: "TIOCVHANGUP", dir: kInt},
		unix.TIOCCONS:      {name: "TIOCCONS", dir: kInt},
		unix.TIOCGPGRP:     {name: "TIOCGPGRP", dir: kOut, size: 4},
		unix.TIOCSPGRP:     {name: "TIOCGPGRP", dir: kIn, size: 4},
		unix.TIOCGSID:      {name: "TIOCGSID", dir: kOut, size: 4},
		unix.TIOCOUTQ:      {name: "SIOCOUTQ", dir: kOut, size: 4},
		unix.TIOCSTI:       {name: "TIOCSTI", dir: kIn, size: 1},
		unix.TIOCGWINSZ:    {name: "TIOCGWINSZ", dir: kOut, size: linux.SizeofWinsize},
		unix.TIOCSWINSZ:    {name: "TIOCSWINSZ", dir: kIn, size: linux.SizeofWinsize},
		unix.TIOCMGET:      {name: "TIOCMGET", dir: kOut, size: 4},
		unix.TIOCMBIS:      {name: "TIOCMBIS", dir: kIn, size: 4},
		unix.TIOCMBIC:      {name: "TIOCMBIC", dir: kIn, size: 4},
		unix.TIOCMSET:      {name: "TIOCMSET", dir: kIn, size: 4},
		unix.TIOCGSOFTCAR:  {name: "TIOCGSOFTCAR", dir: kOut, size: 4},
		unix.TIOCSSOFTCAR:  {name: "TIOCSSOFTCAR", dir: kIn, size: 4},
		unix.TIOCPKT:       {name: "TIOCPKT", dir: kIn, size: 4},
		unix.TIOCGETD:      {name: "TIOCGETD", dir: kOut, size: 4},
		unix.TIOCSETD:      {name: "TIOCSETD", dir: kIn, size: 4},
		unix.TIOCGPTN:      {name: "TIOCGPTN", dir: kOut, size: 4},
		unix.TIOCSPTLCK:    {name: "TIOCSPTLCK", dir: kIn, size: 4},
		unix.TIOCGPTLCK:    {name: "TIOCGPTLCK", dir: kOut, size: 4},
		unix.TIOCGPKT:      {name: "TIOCGPKT", dir: kOut, size: 4},
		unix.TIOCGPTPEER:   {name: "TIOCGPTPEER", dir: kInt, fd: true},
		unix.TIOCSERGETLSR: {name: "TIOCSERGETLSR", dir: kOut, size: 4},
		unix.TIOCGICOUNT:   {name: "TIOCGICOUNT", dir: kOut, size: 80},
		unix.TIOCGSERIAL:   {name: "VKI_TIOCGSERIAL", dir: kOut, size: 72},
		unix.TIOCSSERIAL:   {name: "VKI_TIOCSSERIAL", dir: kIn, size: 72},
		// Any file.
		0x541b:               {name: "FIONREAD", dir: kOut, size: 4},
		0x5421:               {name: "FIONBIO", dir: kIn, size: 4},
		0x5452:               {name: "FIOASYNC", dir: kIn, size: 4},
		0x5450:               {name: "FIONCLEX", dir: kInt},
		0x5451:               {name: "FIOCLEX", dir: kInt},
		0x5460:               {name: "FIOQSIZE", dir: kOut, size: 8},
		1:                    {name: "FIBMAP", dir: kInOut, size: 4},
		2:                    {name: "FIGETBSZ", dir: kOut, size: 4},
		unix.FICLONE:         {name: "FICLONE", dir: kInt},
		0xc0045877:           {name: "FIFREEZE", dir: kInt},
		0xc0045878:           {name: "FITHAW", dir: kInt},
		unix.FS_IOC_GETFLAGS: {name: "generic", dir: kOut, size: 4}, // number says long, but it is an int
		unix.FS_IOC_SETFLAGS: {name: "generic", dir: kIn, size: 4},
		// Sockets: include/uapi/linux/sockios.h.
		0x8901:              {name: "FIOSETOWN", dir: kIn, size: 4},
		unix.SIOCSPGRP:      {name: "SIOCSPGRP", dir: kIn, size: 4},
		0x8903:              {name: "FIOGETOWN", dir: kOut, size: 4},
		unix.SIOCGPGRP:      {name: "SIOCGPGRP", dir: kOut, size: 4},
		unix.SIOCATMARK:     {name: "SIOCATMARK", dir: kOut, size: 4},
		0x8906:              {name: "SIOCGSTAMP", dir: kOut, size: linux.SizeofTimeval},
		0x8907:              {name: "SIOCGSTAMPNS", dir: kOut, size: linux.SizeofTimespec},
		unix.SIOCADDRT:      {name: "SIOCADDRT/DELRT", dir: kIn, size: linux.SizeofRtentry},
		unix.SIOCDELRT:      {name: "SIOCADDRT/DELRT", dir: kIn, size: linux.SizeofRtentry},
		unix.SIOCGIFNAME:    {name: "SIOCGIFNAME", dir: kIn, size: 4, ifr: true},
		unix.SIOCSIFFLAGS:   {name: "SIOCSIFFLAGS", dir: kIn, size: 2, ifr: true},
		unix.SIOCGIFFLAGS:   {name: "SIOCGIFFLAGS", dir: kOut, size: 2, ifr: true},
		unix.SIOCGIFADDR:    {name: "SIOCGIFADDR", dir: kOut, size: 16, ifr: true},
		unix.SIOCGIFDSTADDR: {name: "SIOCGIFDSTADDR", dir: kOut, size: 16, ifr: true},
		unix.SIOCGIFBRDADDR: {name: "SIOCGIFBRDADDR", dir: kOut, size: 16, ifr: true},
		unix.SIOCGIFNETMASK: {name: "SIOCGIFNETMASK", dir: kOut, size: 16, ifr: true},
		unix.SIOCGIFMETRIC:  {name: "SIOCGIFMETRIC", dir: kOut, size: 4, ifr: true},
		unix.SIOCGIFMTU:     {name: "SIOCGIFMTU", dir: kOut, size: 4, ifr: true},
		unix.SIOCGIFHWADDR:  {name: "SIOCGIFHWADDR", dir: kOut, size: 16, ifr: true},
		unix.SIOCGIFINDEX:   {name: "SIOCGIFINDEX", dir: kOut, size: 4, ifr: true},
		unix.SIOCGIFTXQLEN:  {name: "SIOCGIFTXQLEN", dir: kOut, size: 4, ifr: true},
		unix.SIOCGIFMAP:     {name: "SIOCGIFMAP", dir: kOut, size: 24, ifr: true},
		unix.SIOCSIFADDR:    {name: "SIOCSIF*ADDR", dir: kIn, size: 16, ifr: true},
		unix.SIOCSIFDSTADDR: {name: "SIOCSIF*ADDR", dir: kIn, size: 16, ifr: true},
		unix.SIOCSIFBRDADDR: {name: "SIOCSIF*ADDR", dir: kIn, size: 16, ifr: true},
		unix.SIOCSIFNETMASK: {name: "SIOCSIF*ADDR", dir: kIn, size: 16, ifr: true},
		unix.SIOCSIFMETRIC:  {name: "SIOCSIFMETRIC", dir: kIn, size: 4, ifr: true},
		unix.SIOCSIFMTU:     {name: "SIOCSIFMTU", dir: kIn, size: 4, ifr: true},
		unix.SIOCSIFHWADDR:  {name: "SIOCSIFHWADDR", dir: kIn, size: 16, ifr: true},
		unix.SIOCSIFTXQLEN:  {name: "SIOCSIFTXQLEN", dir: kIn, size: 4, ifr: true},
		unix.SIOCSIFMAP:     {name: "SIOCSIFMAP", dir: kIn, size: 24, ifr: true},
		unix.SIOCSIFNAME:    {name: "SIOCSIFNAME", dir: kIn, size: 16, ifr: true},
		unix.SIOCGMIIPHY:    {name: "SIOCGIFMIIPHY", dir: kOut, size: 8, ifr: true},
		unix.SIOCGMIIREG:    {name: "SIOCGIFMIIREG", dir: kInOut, size: 8, ifr: true},
		unix.SIOCETHTOOL:    {name: "SIOCETHTOOL,ir", dir: kIn, size: 8, ifr: true},
		unix.SIOCGARP:       {name: "SIOCGARP", dir: kInOut, size: linux.SizeofArpreq},
		unix.SIOCSARP:       {name: "SIOCSIFFLAGS", dir: kIn, size: linux.SizeofArpreq},
		unix.SIOCDARP:       {name: "SIOCSIFFLAGS", dir: kIn, size: linux.SizeofArpreq},
		// Block devices: include/uapi/linux/fs.h; their numbers say nothing of the size.
		unix.BLKROSET:     {name: "BLKROSET", dir: kIn, size: 4},
		unix.BLKROGET:     {name: "BLKROGET", dir: kOut, size: 4},
		unix.BLKRRPART:    {name: "BLKRRPART", dir: kInt},
		unix.BLKFLSBUF:    {name: "BLKFLSBUF", dir: kInt},
		unix.BLKGETSIZE:   {name: "BLKGETSIZE", dir: kOut, size: 8},
		unix.BLKRASET:     {name: "BLKRASET", dir: kInt},
		unix.BLKRAGET:     {name: "BLKRAGET", dir: kOut, size: 8},
		unix.BLKFRASET:    {name: "BLKFRASET", dir: kInt},
		unix.BLKFRAGET:    {name: "BLKFRAGET", dir: kOut, size: 8},
		unix.BLKSECTGET:   {name: "BLKSECTGET", dir: kOut, size: 2},
		unix.BLKSSZGET:    {name: "BLKSSZGET", dir: kOut, size: 4},
		unix.BLKBSZGET:    {name: "BLKBSZGET", dir: kOut, size: 4},
		unix.BLKBSZSET:    {name: "BLKBSZSET", dir: kIn, size: 4},
		unix.BLKGETSIZE64: {name: "BLKGETSIZE64", dir: kOut, size: 8},
		unix.BLKPBSZGET:   {name: "BLKPBSZGET", dir: kOut, size: 4},
		unix.BLKIOMIN:     {name: "BLKIOMIN", dir: kOut, size: 4},
		unix.BLKIOOPT:     {name: "BLKIOOPT", dir: kOut, size: 4},
		unix.BLKALIGNOFF:  {name: "BLKALIGNOFF", dir: kOut, size: 4},
		unix.BLKDISCARD:   {name: "BLKDISCARD", dir: kIn, size: 16},
		0x127c:            {name: "BLKDISCARDZEROES", dir: kOut, size: 4},
		0x301:             {name: "HDIO_GETGEO", dir: kOut, size: 16},
		0x30b:             {name: "HDIO_GET_DMA", dir: kOut, size: 8},
		0x30d:             {name: "HDIO_GET_IDENTITY", dir: kOut, size: 512},
		// Loop devices: include/uapi/linux/loop.h.
		unix.LOOP_SET_FD:       {name: "LOOP_SET_FD", dir: kInt},
		unix.LOOP_CLR_FD:       {name: "LOOP_CLR_FD", dir: kInt},
		unix.LOOP_GET_STATUS64: {name: "LOOP_GET_STATUS64", dir: kOut, size: 232},
		unix.LOOP_SET_STATUS64: {name: "LOOP_SET_STATUS64", dir: kIn, size: 232},
		unix.LOOP_CTL_GET_FREE: {name: "LOOP_CTL_GET_FREE", dir: kInt},
		// Console: include/uapi/linux/kd.h, vt.h.
		0x4b31: {name: "KDGETLED", dir: kOut, size: 1},
		0x4b32: {name: "KDSETLED", dir: kInt},
		0x4b33: {name: "KDGKBTYPE", dir: kOut, size: 1},
		0x4b3a: {name: "KDSETMODE", dir: kInt},
		0x4b3b: {name: "KDGETMODE", dir: kOut, size: 4},
		0x4b44: {name: "KDGKBMODE", dir: kOut, size: 4},
		0x4b45: {name: "KDSKBMODE", dir: kInt},
		0x4b62: {name: "KDGKBMETA", dir: kOut, size: 4},
		0x4b64: {name: "KDGKBLED", dir: kOut, size: 1},
		0x5600: {name: "VT_OPENQRY", dir: kOut, size: 4},
		0x5601: {name: "VT_GETMODE", dir: kOut, size: 8},
		0x5602: {name: "VT_SETMODE", dir: kIn, size: 8},
		0x5606: {name: "VT_ACTIVATE", dir: kInt},
		0x5607: {name: "VT_WAITACTIVE", dir: kInt},
		// Others whose argument is a plain number although _IOC says a size, or the other way round.
		unix.TUNSETPERSIST:   {name: "TUNSETPERSIST", dir: kInt},
		unix.TUNSETNOCSUM:    {name: "TUNSETNOCSUM", dir: kInt},
		unix.TUNSETOWNER:     {name: "TUNSETOWNER", dir: kInt},
		unix.TUNSETGROUP:     {name: "TUNSETGROUP", dir: kInt},
		unix.TUNSETOFFLOAD:   {name: "TUNSETOFFLOAD", dir: kInt},
		unix.TUNSETIFF:       {name: "TUNSETIFF", dir: kIn, size: 2, ifr: true},
		unix.TUNGETIFF:       {name: "TUNGETIFF", dir: kOut, size: linux.SizeofIfreq},
		unix.TUNSETQUEUE:     {name: "TUNSETQUEUE", dir: kIn, size: linux.SizeofIfreq},
		unix.TUNGETSNDBUF:    {name: "TUNGETSNDBUF", dir: kOut, size: 4},
		unix.TUNSETSNDBUF:    {name: "TUNSETSNDBUF", dir: kIn, size: 4},
		unix.TUNGETVNETHDRSZ: {name: "TUNGETVNETHDRSZ", dir: kOut, size: 4},
		unix.TUNSETVNETHDRSZ: {name: "TUNSETVNETHDRSZ", dir: kIn, size: 4},
		unix.TUNSETIFINDEX:   {name: "TUNSETIFINDEX", dir: kIn, size: 4},
		unix.TUNGETFEATURES:  {name: "TUNGETFEATURES", dir: kOut, size: 4},
		unix.RNDGETENTCNT:    {name: "RNDGETENTCNT", dir: kOut, size: 4},
	}
})

// noArgument are commands without an argument: its register may hold anything.
var noArgument = sync.OnceValue(func() map[uint32]bool {
	return map[uint32]bool{
		0x5450: true, 0x5451: true, // FIONCLEX, FIOCLEX
		unix.TIOCNOTTY: true, unix.TIOCEXCL: true, unix.TIOCNXCL: true, unix.TIOCSBRK: true, unix.TIOCCBRK: true,
		unix.BLKRRPART: true, unix.BLKFLSBUF: true,
	}
})

// ioctlArg is the register of the argument, where there is one.
var ioctlArg = named("ioctl", at(2, Addr("arg")))

// ioctlRow finds what is behind an ioctl's argument, from the table or, for an unknown command, from the command's number.
func ioctlRow(c *Call) *subRow {
	cmd := uint32(c.Args[1])
	if cmd == unix.SIOCGIFCONF {
		return &subRow{name: "SIOCGIFCONF", args: ioctlArg, before: ifconf, after: ifconf}
	}
	k, ok := ioctls()[cmd]
	if row := deviceRow(cmd); row != nil && !ok {
		return row
	}
	if !ok {
		k = guessIoctl(cmd)
		if c.e.cfg.LaxIoctls {
			k = k.lax()
		}
	}
	row := &subRow{name: k.name, newFD: k.fd}
	if !noArgument()[cmd] {
		row.args = ioctlArg
	}
	arg := Param{name: "arg", width: 8, size: N(k.size), kind: k.dir, text: "ioctl(" + k.name + ")"}
	switch {
	case k.dir == kInt:
		return row
	case k.ifr:
		f := func(c *Call) { c.ifreq(k) }
		row.before, row.after = f, f
		return row
	}
	row.before = func(c *Call) { c.checkParam(2, &arg) }
	row.after = func(c *Call) { c.marked(2, &arg) }
	return row
}

// ifreq checks and marks the parts of a struct ifreq that a command uses: the name, and the member of the union after it.
// The kernel copies all of it in and out; what it does not use keeps its value and its state. TUNSETIFF may be given
// no name, and gives one.
func (c *Call) ifreq(k ioctlKind) {
	const union = 16
	a, name := c.Args[2], "ioctl("+k.name+")"
	if uint32(c.Args[1]) == unix.SIOCGIFNAME { // the other way round: a number in, its name out
		if c.done {
			c.wrote(a, union)
			return
		}
		c.read(name, a+union, k.size)
		c.write(name, a, linux.SizeofIfreq)
		return
	}
	if c.done {
		if k.dir != kIn {
			c.wrote(a+union, k.size)
		}
		if uint32(c.Args[1]) == unix.TUNSETIFF {
			c.wrote(a, union)
		}
		return
	}
	c.read(name, a, c.stringLen(a, union))
	if k.dir != kOut {
		c.read(name, a+union, k.size)
	}
	if k.dir != kIn {
		c.write(name, a, linux.SizeofIfreq)
	}
}

// guessIoctl reads size and direction from the command: _IOC of include/uapi/asm-generic/ioctl.h. Old commands, which do
// not encode anything, give size 0, and nothing is checked.
func guessIoctl(cmd uint32) ioctlKind {
	k := ioctlKind{name: "generic", dir: kInt, size: uint64(linux.IocSize(cmd))}
	if k.size == 0 {
		return k
	}
	switch linux.IocDir(cmd) {
	case linux.IocWrite:
		k.dir = kIn
	case linux.IocRead:
		k.dir = kOut
	case linux.IocRead | linux.IocWrite:
		k.dir = kInOut
	}
	return k
}

// lax is k for those who say that the program knows better: nothing is read.
func (k ioctlKind) lax() ioctlKind {
	switch k.dir {
	case kIn:
		k.dir = kInt
	case kInOut:
		k.dir = kOut
	}
	return k
}

// ifconf is SIOCGIFCONF: a buffer and its size, which the call changes.
func ifconf(c *Call) {
	a := c.Args[2]
	if c.done {
		n, _ := c.load32(a)
		buf, _ := c.load64(a + 8)
		c.wrote(a, 4)
		c.wrote(buf, uint64(n))
		return
	}
	c.read("ioctl(SIOCGIFCONF)", a, 4)
	c.read("ioctl(SIOCGIFCONF)", a+8, 8)
	n, ok1 := c.load32(a)
	buf, ok2 := c.load64(a + 8)
	if ok1 && ok2 && buf != 0 {
		c.write("ioctl(SIOCGIFCONF).ifc_buf", buf, uint64(n))
	}
}
