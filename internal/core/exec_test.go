package core

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/syswrap"
)

func TestSkipped(t *testing.T) {
	for _, c := range []struct {
		patterns string
		name     string
		want     bool
	}{
		{"", "/bin/true", false},
		{"/bin/true", "/bin/true", true},
		{"true", "/bin/true", false},
		{"*true", "/bin/true", true},
		{"*/t?ue", "/bin/true", true},
		{"/bin/t?e", "/bin/true", false},
		{"/usr/*,/bin/*", "/bin/true", true},
		{"a.c", "abc", false},
		{"[ab]", "a", false},
		{"*", "two\nlines", true},
	} {
		var pat []string
		if c.patterns != "" {
			pat = strings.Split(c.patterns, ",")
		}
		if got := skipped(pat, "other", c.name); got != c.want {
			t.Errorf("skipped(%q, %q) = %v", c.patterns, c.name, got)
		}
	}
}

func TestOwnOptions(t *testing.T) {
	for _, c := range []struct {
		words   string
		program int
		want    string
	}{
		{"prog", 1, ""},
		{"-q --leak-check=full prog a b", 3, "-q --leak-check=full"},
		{"-q -- -prog x", 2, "-q"},
		{"-- prog", 1, ""},
	} {
		if got := ownOptions(strings.Fields(c.words), c.program); strings.Join(got, " ") != c.want {
			t.Errorf("ownOptions(%q, %d) = %q", c.words, c.program, got)
		}
	}
}

func TestExecFile(t *testing.T) {
	dir := t.TempDir()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for _, c := range []struct {
		dirFD      int
		path, want string
	}{
		{unix.AT_FDCWD, "/bin/sh", "/bin/sh"},
		{unix.AT_FDCWD, "sh", "./sh"},
		{unix.AT_FDCWD, "-sh", "./-sh"},
		{unix.AT_FDCWD, "a/sh", "a/sh"},
		{fd, "/bin/sh", "/bin/sh"},
		{fd, "sh", dir + "/sh"},
		{fd, "", dir},
	} {
		if got := execFile(&syswrap.ExecArgs{DirFD: c.dirFD, Path: c.path}); got != c.want {
			t.Errorf("execFile(%d, %q) = %q, want %q", c.dirFD, c.path, got, c.want)
		}
	}
}

func TestTraceable(t *testing.T) {
	dir := t.TempDir()
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	file := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	head := string(self[:64])
	program := file("program", head, 0o755)
	script := file("script", "#! "+program+" -x\nrest", 0o755)
	loop := filepath.Join(dir, "loop")
	file("loop", "#!"+loop+"\n", 0o755)
	class32 := head[:4] + "\x01" + head[5:]
	for _, c := range []struct {
		path string
		want error
	}{
		{program, nil},
		{script, nil},
		{file("outer", "#!"+script+"\n", 0o755), nil},
		{loop, unix.ELOOP},
		{file("32", class32, 0o755), unix.ENOEXEC},
		{file("arm", head[:18]+"\xb7\x00"+head[20:], 0o755), unix.ENOEXEC},
		{file("text", "echo hello\n", 0o755), unix.ENOEXEC},
		{file("empty", "", 0o755), unix.ENOEXEC},
		{file("bare", "#!  \n", 0o755), unix.ENOEXEC},
		{file("lost", "#!/nonexistent\n", 0o755), unix.ENOENT},
		{file("data", head, 0o644), unix.EACCES},
		{file("setuid", head, 0o755|os.ModeSetuid), errPrivileged},
		{dir, unix.EACCES},
		{filepath.Join(dir, "none"), unix.ENOENT},
	} {
		if err := traceable(c.path); !errors.Is(err, c.want) {
			t.Errorf("traceable(%s) = %v, want %v", filepath.Base(c.path), err, c.want)
		}
	}
}

func TestInheritedArgs(t *testing.T) {
	args := []string{"/bin/sh", "-c", "x"}
	if got := inheritedArgs(args); !slices.Equal(got, args) {
		t.Errorf("without name: %q", got)
	}
	t.Setenv(nameVariable, "-sh")
	if got := inheritedArgs(args); !slices.Equal(got, []string{"-sh", "-c", "x"}) {
		t.Errorf("with name: %q", got)
	}
	if _, ok := os.LookupEnv(nameVariable); ok {
		t.Error("the program would see the name in its environment")
	}
	if got := firstProcess(); got != os.Getpid() {
		t.Errorf("the first process is %d", got)
	}
	t.Setenv(firstVariable, "77")
	if got := firstProcess(); got != 77 {
		t.Errorf("the first process is %d, want 77", got)
	}
	if _, ok := os.LookupEnv(firstVariable); ok {
		t.Error("the program would see the first process in its environment")
	}
}
