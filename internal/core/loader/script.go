package loader

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// headSize is how much of a file the kernel looks at to tell its format (BINPRM_BUF_SIZE).
	headSize = 256
	// maxScripts is how many "#!" files may lead to each other before execve fails with ELOOP.
	maxScripts = 5
	shell      = "/bin/sh"
)

// chosen is the ELF file that a call of execve ends at.
type chosen struct {
	path string
	file *os.File
	head *header
	argv []string
}

// resolve follows scripts until it has an ELF file.
func resolve(path string, argv []string, opt Options) (*chosen, error) {
	c := &chosen{path: path, argv: argv}
	if len(c.argv) == 0 {
		c.argv = []string{""} // as the kernel does since Linux 5.18
	}
	for scripts := 0; ; scripts++ {
		f, err := open(c.path)
		if err != nil {
			return nil, inScript(path, c.path, err)
		}
		next, err := c.look(f, opt)
		if err == nil && next != nil && scripts == maxScripts {
			err = unix.ELOOP
		}
		if err != nil {
			f.Close()
			return nil, inScript(path, c.path, err)
		}
		if next == nil {
			return c, nil
		}
		f.Close()
		c = next
	}
}

// inScript says that the error at is in the interpreter of a script.
func inScript(path, at string, err error) error {
	var e *Error
	if at == path || !errors.As(refuse(path, err), &e) {
		return err
	}
	e.Cause, e.script = "bad interpreter: "+e.Cause, true
	return e
}

// look reads the start of f, which is c.path. It returns what to run instead, or nil when f is an ELF file, which is in
// c then.
func (c *chosen) look(f *os.File, opt Options) (*chosen, error) {
	var head [headSize]byte
	n, err := f.ReadAt(head[:], 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if isELF(head[:n]) {
		c.file = f
		c.head, err = readHeader(f)
		return nil, err
	}
	interp, arg, hasArg, err := parseScript(head[:])
	if err != nil {
		if !opt.ShellFallback || n > 0 && !looksLikeText(head[:n]) {
			return nil, err
		}
		interp, hasArg = shell, false
	}
	args := []string{interp}
	if hasArg {
		args = append(args, arg)
	}
	args = append(args, c.path)
	return &chosen{path: interp, argv: append(args, c.argv[1:]...)}, nil
}

// parseScript splits the first line of a file, of which b holds the first headSize bytes padded with zeros: "#!", blanks,
// the interpreter, and optionally blanks and one argument that goes to the end of the line without trailing blanks.
func parseScript(b []byte) (interp, arg string, hasArg bool, err error) {
	const blanks = " \t"
	if !bytes.HasPrefix(b, []byte("#!")) {
		return "", "", false, unix.ENOEXEC
	}
	line, _, complete := bytes.Cut(b[2:], []byte("\n"))
	if !complete {
		// The line goes on, unknown how far. An argument may be cut off, the interpreter's name may not: there must
		// be something that ends it. The last byte is not looked at, as it might be that.
		line = line[:len(line)-1]
		name := bytes.TrimLeft(line, blanks)
		if !bytes.ContainsAny(name, " \t\x00") {
			return "", "", false, unix.ENOEXEC
		}
	}
	line = bytes.Trim(line, blanks)
	end := bytes.IndexAny(line, " \t\x00")
	if end < 0 {
		end = len(line)
	}
	if end == 0 {
		return "", "", false, unix.ENOEXEC
	}
	interp = string(line[:end])
	if end < len(line) && line[end] != 0 {
		rest := bytes.TrimLeft(line[end:], blanks)
		return interp, cString(rest), true, nil
	}
	return interp, "", false, nil
}

// looksLikeText tells text from binary files as shells do before they run a file themselves: no zero in its first line.
func looksLikeText(b []byte) bool {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return bytes.IndexByte(line, 0) < 0
}

// open opens a file that is to be executed, with execve's checks.
func open(path string) (*os.File, error) {
	if path == "" {
		return nil, unix.ENOENT
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return nil, err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		return nil, &formatError{errno: unix.EACCES, cause: text(unix.EISDIR)}
	default:
		return nil, unix.EACCES
	}
	if err := unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS); err != nil {
		return nil, err
	}
	var fs unix.Statfs_t
	if unix.Statfs(path, &fs) == nil && fs.Flags&unix.ST_NOEXEC != 0 {
		return nil, &formatError{errno: unix.EACCES, cause: text(unix.EACCES) + " (file system mounted noexec)"}
	}
	f, err := os.Open(path)
	if errors.Is(err, unix.EACCES) {
		return nil, &formatError{errno: unix.EACCES, cause: text(unix.EACCES) + " (not readable)"}
	}
	return f, err
}

// Lookup finds the file for a command as a shell does: a name with a slash is one already, others are searched for in
// the PATH of env.
func Lookup(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	path := "/usr/local/bin:/bin:/usr/bin"
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, "PATH="); ok {
			path = v
			break
		}
	}
	var denied error
	if name != "" {
		for _, dir := range filepath.SplitList(path) {
			if dir == "" {
				dir = "."
			}
			file := dir + "/" + name
			var st unix.Stat_t
			if unix.Stat(file, &st) != nil || st.Mode&unix.S_IFMT == unix.S_IFDIR {
				continue
			}
			if err := unix.Faccessat(unix.AT_FDCWD, file, unix.X_OK, unix.AT_EACCESS); err != nil {
				if denied == nil {
					denied = refuse(name, err)
				}
				continue
			}
			return file, nil
		}
	}
	if denied != nil {
		return "", denied
	}
	return "", &Error{Name: name, Errno: unix.ENOENT, Cause: "command not found"}
}
