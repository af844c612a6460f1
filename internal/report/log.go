package report

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Kind is the kind of a log line; its value is the character that marks the prefix.
type Kind byte

const (
	User   Kind = '=' // what the user asked for: findings, summaries
	Debug  Kind = '-' // what -v, -d and --trace-* add
	Client Kind = '*' // text printed by the guest through client requests
)

// Target says where a log goes: to the socket if there is one, else to File, else to FD.
type Target struct {
	FD   int
	File string // created or truncated
	// Socket is the address as the user gave it, Addr what it means; Addr is not valid when there is none.
	Socket string
	Addr   netip.AddrPort
	// Above is the lowest descriptor that the log may have, 0 for highFD: the guest's are below.
	Above int
}

// highFD is the lowest descriptor the log moves to, so that a guest that closes or reuses low descriptors, or all up to a
// number it finds reasonable, leaves the log alone.
const highFD = 1000

// Log writes prefixed lines. It is safe for concurrent use: the lines of one call stay together.
type Log struct {
	mu     sync.Mutex // guards all below
	fd     int        // -1: nowhere
	pid    int
	start  time.Time
	stamp  bool
	silent bool
	words  words // immutable
	above  int   // as in Target; immutable

	unfinished bool // the last line has no newline yet
}

// OpenLog opens the log of process pid. A file that can't be created is a *CreateError. A descriptor or
// a socket that can't be used is replaced by stderr, and the log begins with a line that says so.
func OpenLog(t Target, pid int, stamp bool) (*Log, error) {
	l := &Log{fd: -1, pid: pid, start: time.Now(), stamp: stamp, words: logWords}
	notes, err := l.open(t)
	if err != nil {
		return nil, err
	}
	if notes != "" {
		l.Print(User, notes)
	}
	return l, nil
}

// words are what messages about a target call it.
type words struct{ file, server, output string }

var (
	logWords = words{"log", "logging", "Logging messages"}
	xmlWords = words{"XML", "XML logging", "XML output"}
)

// open opens t at a high descriptor and makes it l's. notes are lines about what could not be done.
func (l *Log) open(t Target) (notes string, err error) {
	if l.above = t.Above; l.above == 0 {
		l.above = highFD
	}
	fd, notes, err := open(t, l.above, l.words)
	if err == nil {
		l.fd = fd
	}
	return notes, err
}

// open opens t at a high descriptor.
func open(t Target, above int, w words) (fd int, notes string, err error) {
	from := t.FD
	switch {
	case from < 0:
		return -1, "", nil // as nowhere is written in Valgrind
	case t.Addr.IsValid():
		if from, err = dial(t.Addr); err != nil {
			from = 2
			notes = fmt.Sprintf("Failed to connect to %s server '%s'.\n%s will be sent to stderr instead.\n\n", w.server, t.Socket, w.output)
			break
		}
		defer unix.Close(from)
	case t.File != "":
		access := unix.O_WRONLY
		if w == xmlWords && !special(t.File) {
			access = unix.O_RDWR // XML.put looks at the end of what is there
		}
		from, err = unix.Open(t.File, unix.O_CREAT|access|unix.O_TRUNC|unix.O_CLOEXEC, 0o666)
		if err != nil {
			return -1, "", &CreateError{What: w.file, File: t.File, Err: err}
		}
		defer unix.Close(from)
	}
	fd, err = moveHigh(from, above)
	if err != nil && from != 2 {
		notes = "Valgrind: failed to move " + w.file + " file descriptor into safe range, using stderr"
		fd, err = moveHigh(2, above)
	}
	if err != nil {
		return -1, "", nil // stderr is closed: there is nowhere to write to, which is the user's choice
	}
	return fd, notes, nil
}

// special reports whether the file is there and no regular one: a pipe must not be opened for reading.
func special(file string) bool {
	var st unix.Stat_t
	return unix.Stat(file, &st) == nil && st.Mode&unix.S_IFMT != unix.S_IFREG
}

// dial connects to addr by plain system calls: nothing of the net package runs beside the guest.
func dial(addr netip.AddrPort) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// CreateError is an output file that can't be created. Its text has Valgrind's wording.
type CreateError struct {
	What string // "log" or "XML"
	File string
	Err  error
}

func (e *CreateError) Error() string {
	reason := e.Err.Error()
	if reason != "" {
		reason = strings.ToUpper(reason[:1]) + reason[1:] // as libc's strerror
	}
	return fmt.Sprintf("Cannot create %s file '%s': %s", e.What, e.File, reason)
}

func (e *CreateError) Unwrap() error { return e.Err }

// moveHigh duplicates fd to the first free descriptor from above on, or as high as the limit allows.
func moveHigh(fd, above int) (int, error) {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, above)
	for try := above; errors.Is(err, unix.EINVAL) && try > 1; {
		// EINVAL: the limit on descriptors is below.
		try /= 2
		n, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, try)
	}
	return n, err
}

// Userf writes a message of whole lines with the prefix "==PID== ". A final newline may be left out.
func (l *Log) Userf(format string, args ...any) { l.Print(User, fmt.Sprintf(format, args...)) }

// Debugf writes a message with the prefix "--PID-- ".
func (l *Log) Debugf(format string, args ...any) { l.Print(Debug, fmt.Sprintf(format, args...)) }

// Clientf writes a message with the prefix "**PID** ".
func (l *Log) Clientf(format string, args ...any) { l.Print(Client, fmt.Sprintf(format, args...)) }

// ClientText writes text with the prefix "**PID** ". When it does not end a line, what is written next goes on there.
func (l *Log) ClientText(text string) { l.lines(Client, text) }

// Print writes text, one or more lines, each with the prefix of k, in one piece.
func (l *Log) Print(k Kind, text string) { l.lines(k, strings.TrimSuffix(text, "\n")+"\n") }

// lines writes text with a prefix at the beginning of each line.
func (l *Log) lines(k Kind, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.silent {
		return
	}
	prefix := l.prefix(k)
	var b bytes.Buffer
	for line := range strings.SplitAfterSeq(text, "\n") {
		if line == "" {
			break // behind the last newline
		}
		if !l.unfinished {
			b.WriteString(prefix)
		}
		b.WriteString(line)
		l.unfinished = !strings.HasSuffix(line, "\n")
	}
	l.write(b.Bytes())
}

// Prompt writes text with the prefix but without a newline.
func (l *Log) Prompt(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.silent {
		l.write([]byte(l.prefix(User) + text))
	}
}

// Raw writes text as it is.
func (l *Log) Raw(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.silent {
		l.write([]byte(text))
	}
}

// prefix is the beginning of a line; l.mu is held.
func (l *Log) prefix(k Kind) string {
	mark := string([]byte{byte(k), byte(k)})
	stamp := ""
	if l.stamp {
		stamp = Elapsed(time.Since(l.start))
	}
	return mark + stamp + strconv.Itoa(l.pid) + mark + " "
}

// SetStamp switches time stamps in prefixes on and off (--time-stamp).
func (l *Log) SetStamp(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stamp = on
}

// Elapsed is the form of time stamps: days, hours, minutes, seconds, milliseconds and a space.
func Elapsed(d time.Duration) string {
	ms := d.Milliseconds()
	s := ms / 1000
	return fmt.Sprintf("%02d:%02d:%02d:%02d.%03d ", s/86400, s/3600%24, s/60%60, s%60, ms%1000)
}

// Elapsed is the time since the log was opened, as time stamps show it.
func (l *Log) Elapsed() string { return Elapsed(time.Since(l.start)) }

// write writes all of b by plain system calls; l.mu is held. A log that can't be written must not disturb the guest, so
// errors other than interruptions end the attempt.
func (l *Log) write(b []byte) {
	for len(b) > 0 && l.fd >= 0 {
		n, err := unix.Write(l.fd, b)
		if err == nil {
			b = b[n:]
			continue
		}
		switch {
		case errors.Is(err, unix.EAGAIN):
			// The guest made the terminal or pipe non-blocking: wait for room.
			unix.Poll([]unix.PollFd{{Fd: int32(l.fd), Events: unix.POLLOUT}}, -1)
		case !errors.Is(err, unix.EINTR):
			return
		}
	}
}

// PID is the process id in prefixes.
func (l *Log) PID() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pid
}

// FD is the descriptor that the log writes to, for the core to keep out of the guest's sight; -1 if there is none.
func (l *Log) FD() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fd
}

// Forked is called in the child of a fork. silent is --child-silent-after-fork. file is the child's own log when its name
// has the process id in it, "" to go on with the parent's target.
func (l *Log) Forked(pid int, file string, silent bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pid = pid
	l.silent = silent
	if file == "" || silent {
		return nil
	}
	old := l.fd
	if _, err := l.open(Target{File: file, Above: l.above}); err != nil {
		return err
	}
	if old >= 0 {
		unix.Close(old)
	}
	return nil
}

// Close closes the log; what is written afterwards is lost.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fd >= 0 {
		unix.Close(l.fd)
	}
	l.fd = -1
}
