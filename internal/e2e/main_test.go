package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	toolsFlag  = flag.String("tools", "nulgrind,memcheck", "tools to test; \"native\" runs programs as they are, to test the tests")
	binFlag    = flag.String("bin", "", "directory of the tools; built afresh if empty")
	limitFlag  = flag.Duration("limit", 2*time.Minute, "time limit of one run, where a test sets no other")
	updateFlag = flag.Bool("update", false, "derive the expected findings from the installed Valgrind and store them")
)

// suite is what all tests of a run share. Immutable after TestMain but for what mu guards.
type suite struct {
	root string // of the repository
	temp string // work directories, logs
	bin  string
	// built holds built guests by a hash of all that they depend on, in this run and later ones.
	built string
	cpu   map[string]bool // flags of /proc/cpuinfo, and vsyscall for the kernel's page

	known []knownFailure

	mu    sync.Mutex
	skips map[string]int // by reason; guarded by mu
}

var s suite

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	// Programs that die on purpose leave no core files, and messages do not speak of them. TestCore raises the limit again.
	var core syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_CORE, &core)
	if core.Cur = 0; err == nil {
		err = syscall.Setrlimit(syscall.RLIMIT_CORE, &core)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := s.setUp(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(s.temp)
	status := m.Run()
	s.summary()
	return status
}

func (s *suite) setUp() error {
	s.skips = map[string]int{}
	var err error
	if s.root, err = filepath.Abs("../.."); err != nil {
		return err
	}
	if s.temp, err = os.MkdirTemp("", "gogrind-e2e-"); err != nil {
		return err
	}
	for _, file := range knownFiles {
		known, err := readKnown(filepath.Join(s.root, file))
		if err != nil {
			return err
		}
		s.known = append(s.known, known...)
	}
	s.built = buildCache(s.temp)
	if s.cpu, err = cpuFlags(); err != nil {
		return err
	}
	if s.bin = *binFlag; s.bin == "" && !slices.Equal(tools(), []string{"native"}) {
		s.bin = filepath.Join(s.temp, "bin")
		if out, err := exec.Command(filepath.Join(s.root, "scripts/build"), s.bin).CombinedOutput(); err != nil {
			return fmt.Errorf("e2e: scripts/build: %w\n%s", err, out)
		}
	}
	return nil
}

// summary prints what was skipped and why: a skip that nobody sees is a test that does not exist.
func (s *suite) summary() {
	if len(s.skips) == 0 {
		return
	}
	reasons := make([]string, 0, len(s.skips))
	for r := range s.skips {
		reasons = append(reasons, r)
	}
	slices.Sort(reasons)
	fmt.Println("e2e: skipped:")
	for _, r := range reasons {
		fmt.Printf("%5d  %s\n", s.skips[r], r)
	}
}

// skip ends t as skipped and counts the reason.
func (s *suite) skip(t *testing.T, reason string) {
	t.Helper()
	s.mu.Lock()
	s.skips[reason]++
	s.mu.Unlock()
	t.Skip(reason)
}

func tools() []string { return strings.Split(*toolsFlag, ",") }

func cpuFlags() (map[string]bool, error) {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return nil, err
	}
	flags := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "flags" {
			for f := range strings.FieldsSeq(value) {
				flags[f] = true
			}
			break
		}
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return nil, err
	}
	flags["vsyscall"] = strings.Contains(string(maps), "[vsyscall]") // some kernels leave it out
	return flags, nil
}
