package report

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLogLines(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	l, err := OpenLog(Target{File: file}, 12, false)
	if err != nil {
		t.Fatal(err)
	}
	l.Userf("%s", "")
	l.Userf("a\nb\n")
	l.Debugf("d %d", 1)
	l.Clientf("c\n\n")
	l.ClientText("x ")
	l.ClientText("")
	l.ClientText("y\nz")
	l.Userf("at")
	l.Prompt("? ")
	l.Raw("{\n}\n")
	want := "==12== \n==12== a\n==12== b\n--12-- d 1\n**12** c\n**12** \n**12** x y\n**12** zat\n==12== ? {\n}\n"
	if got := read(t, file); got != want {
		t.Errorf("got\n%s", got)
	}
	if l.FD() < highFD {
		t.Errorf("descriptor %d", l.FD())
	}
	l.Close()
	l.Userf("lost")
	if got := read(t, file); got != want {
		t.Error("a closed log is written to")
	}
}

// TestTimeStamp checks prefixes with the expression that a known reader of logs uses.
func TestTimeStamp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	l, err := OpenLog(Target{File: file}, 7495, true)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.Userf("BEG")
	got := strings.TrimSuffix(read(t, file), "\n")
	if !regexp.MustCompile(`^(==|--)([0-9:.]+\s+)?[0-9]+(==|--) BEG$`).MatchString(got) || !strings.HasPrefix(got, "==00:00:00:00.") {
		t.Errorf("%q", got)
	}
	d := 49*time.Hour + 3*time.Minute + 4*time.Second + 5*time.Millisecond
	if got := Elapsed(d); got != "02:01:03:04.005 " {
		t.Errorf("%q", got)
	}
}

func TestForked(t *testing.T) {
	dir := t.TempDir()
	parent, child := filepath.Join(dir, "p"), filepath.Join(dir, "c")
	l, err := OpenLog(Target{File: parent}, 1, false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.Userf("one")
	if err := l.Forked(2, "", false); err != nil {
		t.Fatal(err)
	}
	l.Userf("two")
	if err := l.Forked(3, child, false); err != nil {
		t.Fatal(err)
	}
	l.Userf("three")
	if err := l.Forked(4, filepath.Join(dir, "none"), true); err != nil {
		t.Fatal(err)
	}
	l.Userf("four")
	if p, c := read(t, parent), read(t, child); p != "==1== one\n==2== two\n" || c != "==3== three\n" {
		t.Errorf("parent %q, child %q", p, c)
	}
	if _, err := os.Stat(filepath.Join(dir, "none")); err == nil {
		t.Error("a silent child has a log")
	}
}

func TestTargets(t *testing.T) {
	if _, err := OpenLog(Target{File: "/nonexist/x"}, 1, false); err == nil || err.Error() != "Cannot create log file '/nonexist/x': No such file or directory" {
		t.Error(err)
	}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			got <- err.Error()
			return
		}
		b := make([]byte, 100)
		n, _ := c.Read(b)
		got <- string(b[:n])
	}()
	addr := netip.MustParseAddrPort(ln.Addr().String())
	l, err := OpenLog(Target{Socket: ln.Addr().String(), Addr: addr}, 5, false)
	if err != nil {
		t.Fatal(err)
	}
	l.Userf("hello")
	if s := <-got; s != "==5== hello\n" {
		t.Errorf("socket got %q", s)
	}
	l.Close()
	ln.Close()

	// What can't be used is replaced by stderr, here a file.
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	saved, err := unix.Dup(2)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Dup2(int(file.Fd()), 2); err != nil {
		t.Fatal(err)
	}
	a, errA := OpenLog(Target{Socket: "127.0.0.1:1600", Addr: addr}, 6, false)
	b, errB := OpenLog(Target{FD: 977}, 7, false)
	unix.Dup2(saved, 2)
	unix.Close(saved)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	a.Close()
	b.Close()
	want := "==6== Failed to connect to logging server '127.0.0.1:1600'.\n==6== Logging messages will be sent to stderr instead.\n==6== \n" +
		"==7== Valgrind: failed to move log file descriptor into safe range, using stderr\n"
	if s := read(t, file.Name()); s != want {
		t.Errorf("got\n%s", s)
	}
}

// TestAtomic: the lines of a call stay together, although the descriptor is a pipe that fills up.
func TestAtomic(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(int(w.Fd()), true); err != nil {
		t.Fatal(err)
	}
	l, err := OpenLog(Target{FD: int(w.Fd())}, 9, false)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	const threads, each = 8, 300
	text := strings.Repeat("first line\n", 10) + "last"
	go func() {
		var wg sync.WaitGroup
		for range threads {
			wg.Go(func() {
				for range each {
					l.Userf("%s", text)
				}
			})
		}
		wg.Wait()
		l.Close()
	}()
	var all strings.Builder
	b := make([]byte, 1000)
	for {
		n, err := r.Read(b)
		all.Write(b[:n])
		if err != nil {
			break
		}
	}
	one := "==9== " + strings.ReplaceAll(text, "\n", "\n==9== ") + "\n"
	if all.String() != strings.Repeat(one, threads*each) {
		t.Error("lines are mixed up or lost")
	}
}

func TestBanner(t *testing.T) {
	b := Banner{Title: "Memcheck, a memory error detector", Version: "gogrind-0.1.0", Command: []string{"./a", "b c"}, Parent: 77}
	file := filepath.Join(t.TempDir(), "log")
	l, err := OpenLog(Target{File: file}, 12, false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.Banner(&b)
	lines := strings.Split(read(t, file), "\n")
	if len(lines) != 7 || lines[0] != "==12== "+b.Title || !strings.Contains(lines[1], "gogrind-0.1.0") ||
		!regexp.MustCompile(`^==12== Using Valgrind-.* and LibVEX; rerun with -h for copyright info$`).MatchString(lines[2]) ||
		lines[3] != `==12== Command: ./a b\ c` || lines[4] != "==12== Parent PID: 77" || lines[5] != "==12== " {
		t.Errorf("%q", lines)
	}
	b.Parent = 0
	if n := len(b.Lines()); n != 4 {
		t.Errorf("%d lines without parent", n)
	}
}

// TestQuoteCommand: as Valgrind shows the same command.
func TestQuoteCommand(t *testing.T) {
	args := []string{"true", "a b", "c'd", `e\f`, "$x", "*", "a\tb", `"q"`, "", "a;b|c&d<e>(f)", "#x~!?[]{}=^`", "n\nm", "é"}
	want := `true a\ b c'd e\\f $x * a_b "q"  a;b|c&d\<e\>(f) #x~!?[]{}=^` + "` n_m __"
	if got := QuoteCommand(args); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestAbove: the log and that of a forked child keep out of the way of the guest's descriptors.
func TestAbove(t *testing.T) {
	dir := t.TempDir()
	l, err := OpenLog(Target{File: dir + "/a", Above: 1500}, 1, false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if fd := l.FD(); fd < 1500 {
		t.Errorf("descriptor %d", fd)
	}
	if err := l.Forked(2, dir+"/b", false); err != nil {
		t.Fatal(err)
	}
	if fd := l.FD(); fd < 1500 {
		t.Errorf("the child's descriptor is %d", fd)
	}
}
