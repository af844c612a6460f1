package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// build makes the command as scripts/build does.
func build(t *testing.T) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "massif")
	cmd := exec.Command("go", "build", "-ldflags=-T=0x58001000 -E=stage0", "-o", exe, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return exe
}

// compile makes a program from C source.
func compile(t *testing.T, source string, flags ...string) string {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("needs a C compiler")
	}
	dir := t.TempDir()
	src, exe := filepath.Join(dir, "prog.c"), filepath.Join(dir, "prog")
	if err := os.WriteFile(src, []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"-g", "-O1", "-fno-builtin", "-fno-optimize-sibling-calls", "-w", "-o", exe, src}, flags...)
	if out, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return exe
}

const allocs = `#include <stdlib.h>
static inline __attribute__((always_inline)) void *inl(int n) { return malloc(n); }
__attribute__((noinline)) void *w(int n) { return inl(n); }
__attribute__((noinline)) void *a(int n) { char *p = w(n); return p + 1; }
int main(void) {
	void *p[100];
	for (int i = 0; i < 100; i++) p[i] = i % 3 ? w(i * 7) : calloc(i, 30);
	for (int i = 0; i < 10; i++) a(40);
	void *r = realloc(malloc(20), 10);
	r = realloc(r, 32);
	r = realloc(r, 4000);
	r = realloc(r, 100);
	malloc(0);
	for (int i = 0; i < 100; i += 2) free(p[i]);
	return 0;
}`

// TestAgainstValgrind compares results with those of Valgrind's Massif. Its allocator sometimes gives a block what would
// be too little for another one; the program avoids that by freeing only at its end, where the comparison stops.
func TestAgainstValgrind(t *testing.T) {
	valgrind, err := exec.LookPath("valgrind")
	if err != nil {
		t.Skip("needs valgrind")
	}
	ours, prog := build(t), compile(t, allocs)
	// Libraries lie elsewhere.
	library := regexp.MustCompile(`0x[0-9A-F]{7,}: `)
	for _, opts := range [][]string{
		{"--detailed-freq=1", "--max-snapshots=400"},
		{"--detailed-freq=1", "--max-snapshots=400", "--depth=1", "--threshold=0", "--heap-admin=100"},
		{"--alloc-fn=w", "--alloc-fn=inl", "--ignore-fn=a"},
		{"--heap=no"},
	} {
		var results [2]string
		for i, cmd := range [][]string{{valgrind, "--tool=massif"}, {ours}} {
			out := filepath.Join(t.TempDir(), "out")
			args := append(append(cmd[1:], "-q", "--command-line-only=yes", "--time-unit=B", "--massif-out-file="+out), opts...)
			if text, err := exec.Command(cmd[0], append(args, prog)...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			data, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			_, results[i], _ = strings.Cut(library.ReplaceAllString(string(data), "0xLIB: "), "\n")
		}
		if results[0] != results[1] {
			t.Errorf("%q: Valgrind:\n%s\nours:\n%s", opts, results[0], results[1])
		}
	}
}

const ends = `#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <unistd.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
void *thread(void *p) { malloc(700); return (void *)syscall(SYS_exit_group, 3); }
int main(int argc, char **argv) {
	malloc(5000);
	chdir("/");
	if (!strcmp(argv[1], "term")) kill(getpid(), SIGTERM);
	if (!strcmp(argv[1], "thread")) { pthread_t t; pthread_create(&t, 0, thread, 0); pause(); }
	if (!strcmp(argv[1], "fork")) { int child = fork(); malloc(child ? 1000 : 2000); if (child) wait(0); exit(0); }
	if (!strcmp(argv[1], "exec")) execl("/bin/true", "true", (char *)0);
	if (!strcmp(argv[1], "noexec")) { execl("/dev/null", "true", (char *)0); malloc(3000); }
	return 0;
}`

// TestResultsSurvive looks for the result after all ways to end, also of static programs.
func TestResultsSurvive(t *testing.T) {
	ours := build(t)
	for _, flags := range [][]string{{"-pthread"}, {"-pthread", "-static"}} {
		prog := compile(t, ends, flags...)
		for _, c := range []struct {
			how   string
			files []string // what is in each file
		}{
			{"exit", []string{": 5000 0x"}},
			{"term", []string{": 5000 0x"}},
			{"thread", []string{": 700 0x"}},
			{"fork", []string{": 1000 0x", ": 2000 0x"}},
			{"exec", []string{": 5000 0x"}},
			{"noexec", []string{": 3000 0x"}},
		} {
			dir := t.TempDir()
			cmd := exec.Command(ours, "-q", "--time-unit=B", "--detailed-freq=1", "--threshold=0", prog, c.how)
			cmd.Dir = dir
			text, _ := cmd.CombinedOutput()
			names, _ := filepath.Glob(filepath.Join(dir, "massif.out.*"))
			profiles, _ := filepath.Glob(filepath.Join(dir, "massif.pprof.*.pb.gz"))
			if len(names) != len(c.files) || len(profiles) != len(c.files) {
				t.Errorf("%s %s: %d results and %d profiles, want %d\n%s", flags, c.how, len(names), len(profiles), len(c.files), text)
				continue
			}
			all := ""
			for _, n := range names {
				data, err := os.ReadFile(n)
				if err != nil {
					t.Fatal(err)
				}
				all += string(data)
			}
			for _, want := range c.files {
				if !strings.Contains(all, want) {
					t.Errorf("%s %s: no %q in the results:\n%s", flags, c.how, want, all)
				}
			}
		}
	}
}

// TestLargeBlocks: memory of large blocks goes back to the system, during realloc too, and takes nothing with it that is measured.
func TestLargeBlocks(t *testing.T) {
	prog := compile(t, `#include <stdlib.h>
int main(void) {
	void *p = NULL;
	for (size_t n = 1 << 20; n <= 64 << 20; n *= 2) { p = realloc(p, n); free(malloc(n)); }
	free(p);
	return 0;
}`)
	out := filepath.Join(t.TempDir(), "out")
	text, err := exec.Command(build(t), "--massif-out-file="+out, prog).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil || !strings.Contains(string(data), "mem_heap_B=134217728\n") {
		t.Errorf("%v: no peak of two blocks in:\n%s", err, data)
	}
}

// TestPagesAsHeap: with pages counted, malloc is the program's own.
func TestPagesAsHeap(t *testing.T) {
	prog := compile(t, `#include <stdlib.h>
int main(void) { char *p = malloc(3 << 20); p[5] = 1; return p[5] - 1; }`)
	out := filepath.Join(t.TempDir(), "out")
	text, err := exec.Command(build(t), "--pages-as-heap=yes", "--threshold=0", "--detailed-freq=1", "--massif-out-file="+out, prog).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	// The block is mapped on its own, with a page for its head.
	if !regexp.MustCompile(`(?s)n1: 3149824 0x[0-9A-F]+: [^\n]*malloc`).Match(data) || strings.Contains(string(data), "vg_replace_malloc") {
		t.Errorf("no mapping made by the C library's malloc in:\n%s", data)
	}
	// What is there at the start, and of the stack what is in use, not the 8 MB that it may grow to.
	m := regexp.MustCompile(`n0: (\d+) 0x0: \?\?\?`).FindSubmatch(data)
	if m == nil || len(m[1]) > 6 {
		t.Errorf("%s bytes at the start, want less than a million:\n%s", m, data)
	}
}
