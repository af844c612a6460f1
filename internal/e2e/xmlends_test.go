package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"gogrind/internal/report/grammar"
)

// xmlEnds are the arguments of report/ends.c with the number of findings that its report must have: those of forked processes
// without a file of their own are in their parent's.
var xmlEnds = []struct {
	how    string
	errors int
	stream bool // the document has an end in a stream, too
}{
	{"return", 1, true}, {"_exit", 1, true}, {"term", 1, true}, {"abort", 1, true}, {"segv", 2, true}, {"thread", 2, true}, {"exec", 1, true},
	{"badexec", 2, true}, {"fork", 3, true}, {"forkexec", 3, true}, {"vfork", 2, true}, {"kill", 1, false}, {"orphan", 4, false},
}

// TestXMLEnds: however a process ends, its report is a document that the protocol allows, in all protocols, in files and streams.
func TestXMLEnds(t *testing.T) {
	tool := faultTool(t)
	if tool == "valgrind" {
		s.skip(t, "Valgrind's reports are not always documents")
	}
	for _, g := range s.guests(t, "report") {
		if filepath.Base(g.file) != "ends.c" {
			continue
		}
		for _, end := range xmlEnds {
			for protocol := 4; protocol <= 6; protocol++ {
				t.Run(fmt.Sprintf("%s/%d", end.how, protocol), func(t *testing.T) {
					t.Parallel()
					c := command{argv: []string{s.executable(t, g), end.how}}
					base := []string{"--show-leak-kinds=none", "--errors-for-leak-kinds=none", "--undef-value-errors=no", "--xml=yes", fmt.Sprintf("--xml-protocol=%d", protocol)}
					file := filepath.Join(t.TempDir(), "report.xml")
					c.options = append(base, "--xml-file="+file)
					s.run(t, tool, c)
					s.verdict(t, documentIn(file, end.errors, end.how != "orphan"))
					if !end.stream {
						return
					}
					doc := make(chan []byte, 1)
					c.options = append(base, "--xml-socket="+listen(t, doc))
					s.run(t, tool, c)
					if err := os.WriteFile(file, <-doc, 0o600); err != nil {
						t.Fatal(err)
					}
					s.verdict(t, documentIn(file, end.errors, end.how != "orphan"))
				})
			}
		}
	}
}

// listen takes one connection and sends what comes over it to doc.
func listen(t *testing.T, doc chan<- []byte) (address string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		var data []byte
		if c, err := l.Accept(); err == nil {
			c.SetDeadline(time.Now().Add(*limitFlag))
			buf := make([]byte, 1<<16)
			for n := 0; err == nil; {
				n, err = c.Read(buf)
				data = append(data, buf[:n]...)
			}
			c.Close()
		}
		doc <- data
	}()
	return l.Addr().String()
}

// countErrors is a second parser's opinion: it prints the number of errors in the document.
const countErrors = `import sys, xml.etree.ElementTree as t; print(len(t.parse(sys.argv[1]).getroot().findall("error")))`

// documentIn checks a report. A process that outlives its parent may still be writing, and writes behind what the protocol wants
// to be last: that document is well-formed only.
func documentIn(file string, errors int, valid bool) error {
	var err error
	for range 600 {
		var data []byte
		if data, err = os.ReadFile(file); err != nil {
			return err
		}
		if bad := grammar.Check(data); bad != nil && valid {
			return fmt.Errorf("%w in\n%s", bad, data)
		}
		var x xmlReport
		if err := unmarshal(data, &x); err != nil {
			return err
		}
		if err = nil; len(x.Errors) == errors {
			break
		}
		err = fmt.Errorf("%d errors, want %d, in\n%s", len(x.Errors), errors, data)
		time.Sleep(100 * time.Millisecond)
	}
	if python, e := exec.LookPath("python3"); e == nil && err == nil {
		out, e := exec.Command(python, "-c", countErrors, file).Output()
		if e != nil || string(out) != fmt.Sprintf("%d\n", errors) {
			return fmt.Errorf("python's parser: %v, %q errors", e, out)
		}
	}
	return err
}

// TestXMLNoStart: a report of a run that does not come to its program is a document all the same.
func TestXMLNoStart(t *testing.T) {
	tool := faultTool(t)
	bad := filepath.Join(t.TempDir(), "bad.supp")
	if err := os.WriteFile(bad, []byte("{\n  a\n  Memcheck:Nonsense\n  fun:main\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, option := range map[string]string{"damaged": "--suppressions=" + bad, "missing": "--suppressions=/nonexistent",
		"symbol": "--require-text-symbol=:libc.so*:nosuch*"} {
		t.Run(name, func(t *testing.T) {
			doc := make(chan []byte, 1)
			got := s.run(t, tool, command{argv: []string{"true"}, options: []string{"--xml=yes", option, "--xml-socket=" + listen(t, doc)}})
			file := filepath.Join(t.TempDir(), "report.xml")
			if err := os.WriteFile(file, <-doc, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := documentIn(file, 0, false); err != nil || got.status != 1 {
				t.Errorf("status %d, %v", got.status, err)
			}
		})
	}
}
