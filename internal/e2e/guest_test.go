package e2e

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A guest is one way to build one source file of testdata/guest. The source says in its first comment lines how:
//
//	// build: gcc -O2 -g       one guest for each such line
//	// needs: avx512f          CPU flags without which it is skipped
//
// Every guest whose source mentions CLEAN has a twin built with CLEAN defined.
type guest struct {
	name  string // "setjmp/gcc-O0"
	file  string // absolute path of the source
	build []string
	needs []string
	twin  bool // the source has a CLEAN version
}

// guests finds the guests below testdata/guest/dir.
func (s *suite) guests(t *testing.T, dir string) []guest {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.root, "testdata/guest", dir, "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	var list []guest
	for _, file := range files {
		g, err := readGuests(file)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, g...)
	}
	if len(list) == 0 {
		t.Fatalf("no guest programs in testdata/guest/%s", dir)
	}
	return list
}

func readGuests(file string) ([]guest, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var builds [][]string
	var needs []string
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	for lines.Scan() {
		line, comment := strings.CutPrefix(strings.Replace(lines.Text(), "# ", "// ", 1), "// ")
		if !comment {
			break
		}
		if b, ok := strings.CutPrefix(line, "build: "); ok {
			builds = append(builds, strings.Fields(b))
		}
		if n, ok := strings.CutPrefix(line, "needs: "); ok {
			needs = append(needs, strings.Fields(n)...)
		}
	}
	if builds == nil {
		return nil, fmt.Errorf("e2e: %s: no build line in the first comment", file)
	}
	base := filepath.Base(file)
	stem := strings.TrimSuffix(base, filepath.Ext(base))
	var list []guest
	for _, b := range builds {
		list = append(list, guest{
			name:  stem + "/" + strings.NewReplacer("/", "_", "=", "_", ",", "_").Replace(strings.Join(b, "")),
			file:  file,
			build: b,
			needs: needs,
			twin:  strings.Contains(string(text), "CLEAN") || strings.Contains(string(text), "(clean)"),
		})
	}
	return list, nil
}

// builds remembers what was built in this run, by command line.
var builds sync.Map // string -> func() (string, error)

// executable builds g, once, and returns the path of the program. A missing compiler skips t.
func (s *suite) executable(t *testing.T, g guest, defines ...string) string {
	t.Helper()
	for _, f := range g.needs {
		if !s.cpu[f] {
			s.skip(t, "the processor lacks "+f)
		}
	}
	if _, err := exec.LookPath(g.build[0]); err != nil {
		s.skip(t, g.build[0]+" is not installed")
	}
	key := strings.Join(append([]string{g.file}, append(g.build, defines...)...), " ")
	once, _ := builds.LoadOrStore(key, sync.OnceValues(func() (string, error) {
		return s.compile(g, key, defines)
	}))
	path, err := once.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// goBuild is compile for Go programs. args are the compiler's.
func (s *suite) goBuild(g guest, args []string) error {
	cmd := exec.Command("go", append(g.build[1:2:2], args...)...)
	cmd.Dir = filepath.Dir(g.file)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GO111MODULE=off")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("e2e: %s: %w\n%s", strings.Join(cmd.Args, " "), err, text)
	}
	return nil
}

// compile builds g. Debug information names the source by its base name, so that findings do not depend on where the
// repository is.
func (s *suite) compile(g guest, key string, defines []string) (string, error) {
	dir := filepath.Join(s.temp, "build", fmt.Sprintf("%x", sha256.Sum256([]byte(key)))[:16])
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	stem := strings.TrimSuffix(filepath.Base(g.file), filepath.Ext(g.file))
	out := filepath.Join(dir, stem)
	args := []string{"-o", out, filepath.Base(g.file)}
	if g.build[0] == "go" {
		return out, s.goBuild(g, args)
	}
	var libs []string
	for _, a := range g.build[1:] {
		if strings.HasPrefix(a, "-l") && g.build[0] != "rustc" {
			libs = append(libs, a)
		} else {
			args = append(args, a)
		}
	}
	for _, d := range defines {
		if g.build[0] == "rustc" {
			args = append(args, "--cfg", strings.ToLower(d))
		} else {
			args = append(args, "-D"+d)
		}
	}
	if g.build[0] != "rustc" {
		args = append(args, "-w") // the programs do on purpose what compilers warn of
	}
	cmd := exec.Command(g.build[0], append(args, libs...)...)
	cmd.Dir = filepath.Dir(g.file)
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("e2e: %s: %w\n%s", strings.Join(cmd.Args, " "), err, text)
	}
	return out, nil
}
