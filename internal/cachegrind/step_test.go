package cachegrind

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"gogrind/internal/cgfile"
)

// steps runs a program one instruction at a time and returns how many there were.
func steps(t *testing.T, path string) (n int64) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.Command(path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		t.Skipf("can't trace: %v", err)
	}
	pid := cmd.Process.Pid
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &ws, 0, nil); err != nil || !ws.Stopped() {
		t.Fatalf("program did not stop at its start: %v %v", ws, err)
	}
	for !ws.Exited() {
		n++ // the last one does not come back
		if err := syscall.PtraceSingleStep(pid); err != nil {
			t.Fatal(err)
		}
		if _, err := syscall.Wait4(pid, &ws, 0, nil); err != nil {
			t.Fatal(err)
		}
		if ws.Signaled() {
			t.Fatal("program was killed")
		}
	}
	return n
}

// TestSameAsSteps compares the number of instructions with what the processor executes when it is stopped after each.
func TestSameAsSteps(t *testing.T) {
	lookFor(t, "as", "ld", "go")
	dir := t.TempDir()
	source, err := filepath.Abs("testdata/steps.s")
	if err != nil {
		t.Fatal(err)
	}
	execute(t, dir, "as", "-o", "steps.o", source)
	execute(t, dir, "ld", "-o", "steps", "steps.o")
	want := steps(t, filepath.Join(dir, "steps"))
	tool := buildTool(t)
	for _, sim := range []string{"no", "yes"} {
		out := filepath.Join(dir, "out"+sim)
		execute(t, dir, tool, "-q", "--cache-sim="+sim, "--branch-sim="+sim, "--cachegrind-out-file="+out, "./steps")
		p, err := cgfile.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if p.Summary[0] != want || want < 10_000 {
			t.Errorf("--cache-sim=%s: %d instructions counted, %d executed", sim, p.Summary[0], want)
		}
	}
}
