package unwind

import (
	"bufio"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// TestAgainstReadelf compares the rows of libraries and programs with readelf's: CFA, rbp and return address at the start
// of each row of each function.
func TestAgainstReadelf(t *testing.T) {
	if _, err := exec.LookPath("readelf"); err != nil {
		t.Skip("readelf is not installed")
	}
	for _, path := range []string{"/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/bin/bash"} {
		t.Run(path, func(t *testing.T) {
			tab := compileFile(t, path)
			rows, bad := 0, 0
			eachReadelfRow(t, path, func(pc uint64, cfa, rbp, ra string) {
				rows++
				r, _ := tab.Find(pc)
				got := "none"
				if r != nil {
					got = describe(r)
				}
				if want := cfa + " " + rbp + " " + ra; got != want && bad < 10 {
					bad++
					t.Errorf("%#x: got %q, want %q", pc, got, want)
				}
			})
			if rows < 1000 {
				t.Errorf("only %d rows compared", rows)
			}
			t.Logf("%d functions, %d rows, %d rules", tab.Functions(), rows, len(tab.rules))
		})
	}
}

// compileFile compiles the rows of an ELF file's .eh_frame. Without the file the test is skipped.
func compileFile(t *testing.T, path string) *Table {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	s := f.Section(".eh_frame")
	b, err := s.Data()
	if err != nil {
		t.Fatal(err)
	}
	tab, err := Compile(Section{Data: b, Addr: s.Addr})
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// describe writes a rule as readelf does.
func describe(r *Rule) string {
	names := map[uint8]string{1: "rdx", regRBX: "rbx", regRBP: "rbp", regRSP: "rsp", 10: "r10", 13: "r13", 12: "r12"}
	saved := func(g regRule) string {
		switch g.kind {
		case atOffset:
			return fmt.Sprintf("c%+d", g.off)
		case atExpr:
			return "exp"
		case isExpr:
			return "vexp"
		}
		return "u"
	}
	cfa := fmt.Sprintf("%s%+d", names[r.cfaReg], r.cfaOff)
	if r.cfaExpr != nil {
		cfa = "exp"
	}
	rbp := "u"
	for _, g := range r.regs {
		if g.reg == regRBP {
			rbp = saved(g.regRule)
		}
	}
	return cfa + " " + rbp + " " + saved(r.ra)
}

// eachReadelfRow parses readelf --debug-dump=frames-interp: for each function a line with pc=start..end, a line with the
// columns, a line per row.
func eachReadelfRow(t *testing.T, path string, f func(pc uint64, cfa, rbp, ra string)) {
	t.Helper()
	c := exec.Command("readelf", "--debug-dump=frames-interp", "--wide", path)
	c.Env = append(os.Environ(), "LC_ALL=C", "DEBUGINFOD_URLS=")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	sc := bufio.NewScanner(out)
	var columns []string
	function := false
	for sc.Scan() {
		w := strings.Fields(sc.Text())
		switch {
		case strings.Contains(sc.Text(), " FDE "):
			function, columns = true, nil
		case strings.Contains(sc.Text(), " CIE ") || len(w) == 0:
			function = false
		case function && w[0] == "LOC":
			columns = w
		case function && columns != nil && len(w) == len(columns):
			pc, err := strconv.ParseUint(w[0], 16, 64)
			if err != nil {
				continue
			}
			cfa, rbp, ra := w[1], "u", "u"
			for i, name := range columns {
				switch name {
				case "rbp":
					rbp = w[i]
				case "ra":
					ra = w[i]
				}
			}
			f(pc, cfa, rbp, ra)
		}
	}
	// readelf's status is 1 after warnings about other sections; the number of rows tells a failure.
	if err := c.Wait(); err != nil {
		t.Logf("readelf: %v", err)
	}
}
