package syswrap

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"gogrind/internal/linux"
)

var update = flag.Bool("update", false, "write docs/syscalls.md")

const docFile = "../../../docs/syscalls.md"

// docs/syscalls.md is made from the rows: go test ./internal/core/syswrap -run Doc -update
func TestDoc(t *testing.T) {
	want := document()
	if *update {
		if err := os.MkdirAll("../../../docs", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(docFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(docFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the rows say: run this test with -update", docFile)
	}
}

// document is the table of system calls in markdown.
func document() []byte {
	var b bytes.Buffer
	b.WriteString(`# System calls

Made from the rows of internal/core/syswrap by its test with -update; do not edit.

Each parameter is a number, a descriptor (fd, dirfd), a string or file name, or memory that the kernel reads (in), writes
(out) or both, with its size in bytes. *argN* is the value of parameter N counted from 0, **argN* what it points to. What
comes after an arrow is how much is written. A question mark marks pointers that may be null, (c) parameters that count
under conditions. "checks" means that code of its own looks at more than the parameters say, "emulated" that gogrind
answers or completes the call itself, "by command" that there are second-level rows.
`)
	for _, f := range families {
		fmt.Fprintf(&b, "\n## %s\n\n| amd64 | call | parameters | notes |\n|---|---|---|---|\n", f.title)
		for _, r := range f.rows() {
			nr := "-"
			if n, ok := linux.SyscallNumber(r.name); ok {
				nr = fmt.Sprint(n)
			}
			var params []string
			for _, p := range r.args {
				if p.kind != kSkip {
					params = append(params, describe(&p))
				}
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", nr, r.name, strings.Join(params, ", "), strings.Join(notes(&r), "; "))
		}
	}
	return b.Bytes()
}

func describe(p *Param) string {
	s := p.name
	if p.null {
		s += "?"
	}
	if p.when != nil {
		s += " (c)"
	}
	word := map[kind]string{kFD: "fd", kDirFD: "dirfd", kString: "string", kPath: "file name", kIn: "in", kOut: "out",
		kInOut: "in/out", kIovIn: "in, iovec", kIovOut: "out, iovec"}[p.kind]
	if word == "" {
		return s
	}
	s += ": " + word
	if p.size != nil {
		s += " " + p.size.String()
	}
	if p.post != nil {
		s += " → " + p.post.String()
	}
	return s
}

func notes(r *row) []string {
	var n []string
	if r.absent != "" {
		return []string{"refused with ENOSYS: " + r.absent}
	}
	for _, x := range []struct {
		is   bool
		text string
	}{
		{r.flags&MayBlock != 0, "may block"},
		{r.flags&NewFD != 0, "gives a descriptor"},
		{r.flags&NewPair != 0, "gives two descriptors"},
		{r.sub != nil, "by command"},
		{r.before != nil || r.after != nil, "checks"},
		{r.do != nil, "emulated"},
		{r.flags&Warn != 0, "warning"},
	} {
		if x.is {
			n = append(n, x.text)
		}
	}
	return n
}
