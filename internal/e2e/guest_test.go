package e2e

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// A guest is one way to build one source file of testdata/guest. The source says in its first comment lines how:
//
//	// build: gcc -O2 -g       one guest for each such line
//	// needs: avx512f          CPU flags (or vsyscall) without which it is skipped
//
// Every guest whose source mentions CLEAN has a twin built with CLEAN defined.
type guest struct {
	name  string // "setjmp/gcc-O0"
	file  string // absolute path of the source
	build []string
	needs []string
	twin  bool // the source has a CLEAN version
	// library: the source is also a shared library, which is to stand beside the program as PROGRAM.so.
	library bool
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
		return s.compile(g, defines)
	}))
	path, err := once.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// buildCache is the directory of built guests. What was not used for long is removed.
func buildCache(temp string) string {
	user, err := os.UserCacheDir()
	if err != nil {
		return filepath.Join(temp, "build")
	}
	dir := filepath.Join(user, "gogrind-e2e")
	const long = 10 * 24 * time.Hour
	entries, err := os.ReadDir(dir)
	if err != nil {
		return dir // not there yet
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > long {
			os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
	return dir
}

// contentKey is a hash of what g's executable depends on: the compiler, its arguments, the source, and what it
// includes of its own.
func contentKey(g guest, args []string) (string, error) {
	h := sha256.New()
	compiler, _ := versions.LoadOrStore(g.build[0], sync.OnceValue(func() string {
		if g.build[0] == "go" {
			return runtime.Version()
		}
		return version(g.build[0])
	}))
	fmt.Fprintf(h, "%s\n%q\n", compiler.(func() string)(), args)
	for files := []string{g.file}; len(files) > 0; files = files[1:] {
		text, err := os.ReadFile(files[0])
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n%s", filepath.Base(files[0]), len(text), text)
		for _, m := range ownInclude.FindAllSubmatch(text, -1) {
			files = append(files, filepath.Join(filepath.Dir(files[0]), string(m[1])))
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))[:24], nil
}

var ownInclude = regexp.MustCompile(`(?m)^\s*(?:#include |include!\()"([^"]+)"`)

// versions remembers what compilers say of themselves.
var versions sync.Map // string -> func() string

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

// compile builds g, if the cache does not have it. Debug information names the source by its base name, so that findings do
// not depend on where the repository is.
func (s *suite) compile(g guest, defines []string) (string, error) {
	args := []string{filepath.Base(g.file)}
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
	args = append(args, libs...)
	key, err := contentKey(g, args)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(s.built, key)
	out := filepath.Join(dir, strings.TrimSuffix(filepath.Base(g.file), filepath.Ext(g.file)))
	if now := time.Now(); os.Chtimes(dir, now, now) == nil {
		if _, err := os.Stat(out); err == nil {
			return out, nil
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	// Other runs may build the same at the same time.
	fresh, err := os.MkdirTemp(dir, "")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(fresh)
	made := filepath.Join(fresh, filepath.Base(out))
	if g.build[0] == "go" {
		err = s.goBuild(g, []string{"-o", made, filepath.Base(g.file)})
	} else {
		cmd := exec.Command(g.build[0], append([]string{"-o", made}, args...)...)
		cmd.Dir = filepath.Dir(g.file)
		err = runCompiler(cmd)
	}
	if err == nil && g.library {
		cmd := exec.Command(g.build[0], append([]string{"-o", out + ".so", "-shared", "-fPIC", "-DLIBRARY"}, args...)...)
		cmd.Dir = filepath.Dir(g.file)
		err = runCompiler(cmd)
	}
	if err != nil {
		return "", err
	}
	return out, os.Rename(made, out)
}

func runCompiler(cmd *exec.Cmd) error {
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("e2e: %s: %w\n%s", strings.Join(cmd.Args, " "), err, text)
	}
	return nil
}
