package driver

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRun(t *testing.T) {
	home, work := t.TempDir(), t.TempDir()
	t.Chdir(work)
	write := func(dir, text string) {
		if err := os.WriteFile(filepath.Join(dir, ".valgrindrc"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(home, "--tool=massif --num-callers=4")
	tests := []struct {
		name   string
		args   string
		env    []string
		rc     string // ./.valgrindrc
		execs  string // what is executed, without the directory
		stdout string
		stderr string
	}{
		{name: "default", args: "true", execs: "memcheck true"},
		{name: "tool", args: "--tool=lackey --trace-mem=yes ls -l", execs: "lackey --tool=lackey --trace-mem=yes ls -l"},
		{name: "the last counts", args: "--tool=drd --tool=lackey ls", execs: "lackey --tool=lackey ls"},
		{name: "other name", args: "--tool=none ls", execs: "nulgrind --tool=none ls"},
		{name: "the program's own option", args: "echo --tool=lackey --version", execs: "memcheck echo --tool=lackey --version"},
		{name: "end of options", args: "-- --tool=lackey", execs: "memcheck -- --tool=lackey"},
		{name: "option file", args: "ls", env: []string{"HOME=" + home}, execs: "massif ls"},
		{name: "environment", args: "ls", env: []string{"HOME=" + home, "VALGRIND_OPTS=-q --tool=dhat"}, execs: "dhat ls"},
		{name: "directory's file", args: "ls", env: []string{"VALGRIND_OPTS=--tool=dhat"}, rc: "-q\n'--tool=drd'", execs: "drd ls"},
		{name: "command line only", args: "--command-line-only=yes ls", env: []string{"HOME=" + home, "VALGRIND_OPTS=--tool=dhat"},
			execs: "memcheck --command-line-only=yes ls"},
		{name: "option beats files", args: "--tool=memcheck ls", env: []string{"HOME=" + home}, execs: "memcheck --tool=memcheck ls"},
		{name: "help is the tool's", args: "--tool=lackey -h", execs: "lackey --tool=lackey -h"},
		{name: "version", args: "--version", stdout: "valgrind-3.19.0\n"},
		{name: "verbose version", args: "-v --version", stdout: "valgrind-3.19.0-gogrind-0.1.0\n"},
		{name: "no such tool", args: "--tool=foo ls", stderr: "valgrind: failed to start tool 'foo' for platform 'amd64-linux': No such file or directory\n"},
		{name: "no name", args: "--tool= ls", stderr: "valgrind: failed to start tool '' for platform 'amd64-linux': No such file or directory\n"},
		{name: "no path", args: "--tool=../bin/lackey ls",
			stderr: "valgrind: failed to start tool '../bin/lackey' for platform 'amd64-linux': No such file or directory\n"},
		{name: "not itself", args: "--tool=valgrind ls",
			stderr: "valgrind: failed to start tool 'valgrind' for platform 'amd64-linux': No such file or directory\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			os.Remove(".valgrindrc")
			if tt.rc != "" {
				write(".", tt.rc)
			}
			var stdout, stderr bytes.Buffer
			execs := ""
			d := Driver{Args: strings.Fields(tt.args), Env: tt.env, Dir: "/opt/bin", Stdout: &stdout, Stderr: &stderr,
				Exec: func(path string, argv, env []string) error {
					if path == "/opt/bin/foo" {
						return unix.ENOENT
					}
					if argv[0] != "valgrind" || !slices.Equal(env, tt.env) {
						t.Errorf("%s executed as %q in %q", path, argv, env)
					}
					execs = strings.TrimPrefix(strings.Join(append([]string{path}, argv[1:]...), " "), "/opt/bin/")
					return unix.EACCES
				}}
			status := d.Run()
			if execs != tt.execs {
				t.Errorf("executes %q, want %q", execs, tt.execs)
			}
			if tt.execs == "" && (stdout.String() != tt.stdout || stderr.String() != tt.stderr) {
				t.Errorf("prints %q and %q, want %q and %q", &stdout, &stderr, tt.stdout, tt.stderr)
			}
			if want := tt.stdout == ""; want != (status == 1) {
				t.Errorf("status %d", status)
			}
			if tt.execs != "" && !strings.HasSuffix(stderr.String(), "permission denied\n") {
				t.Errorf("a failed exec prints %q", &stderr)
			}
		})
	}
}
