// Package loader brings a program into the guest's address space, as execve does: it maps the ELF image and its
// interpreter, follows "#!" lines, and builds the first stack with arguments, environment and auxiliary vector. It runs
// nothing and keeps nothing; the caller starts the first thread at Image.Entry with Image.SP.
//
// The image is what the kernel would make of it, but for
//   - addresses: they are fixed, as is AT_RANDOM's place, so that runs are repeatable;
//   - the stack, which is mapped whole (aspace.MapStack);
//   - AT_SYSINFO_EHDR: the guest gets no vDSO. The host's vDSO and its data pages can be mapped only once; moving them
//     into guest space would take them from the Go runtime, which has their addresses from its own auxiliary vector.
//     In their place beyond the guest's space they cannot have shadow memory. The C libraries and Go use the system
//     calls instead;
//   - AT_RSEQ_*: restartable sequences cannot restart translated code;
//   - set-user-id bits, which have no effect on a process that runs already.
//
// Files are hostile input: nothing of them is believed before it is checked, and a file that the kernel would refuse is
// refused with the same errno.
package loader

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gogrind/internal/core/aspace"
	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

// Addresses where images go if they can, as Valgrind users know them from its output.
const (
	pieBase    guest.Addr = 0x108000  // position-independent executables
	interpBase guest.Addr = 0x4000000 // the dynamic linker
)

// Options of Load.
type Options struct {
	// MainStackSize is the size of the main stack in bytes; 0 takes RLIMIT_STACK.
	MainStackSize uint64
	// ShellFallback lets /bin/sh run text files without "#!", as shells do (execve does not).
	ShellFallback bool
	// Auxv holds the host's auxiliary vector as (type, value) pairs; nil reads /proc/self/auxv.
	Auxv []uint64
	// Random are the bytes that AT_RANDOM points to; nil takes fresh ones.
	Random *[16]byte
}

// Image is a program in place.
type Image struct {
	// Entry is where the first thread starts: the interpreter's entry, or the program's own without one.
	Entry guest.Addr
	// SP is the first stack pointer; argc is there.
	SP guest.Addr
	// Stack is the whole main stack.
	Stack guest.Range

	// Path is the file that was mapped: absolute, with links resolved. For a script it is the last interpreter's.
	Path string
	// ExecFn is the name execve was called with (AT_EXECFN): for a script the script's.
	ExecFn string
	// Argv are the arguments as the program sees them.
	Argv []string
	// Base is the difference between addresses in memory and in the file; 0 for a fixed executable.
	Base guest.Addr
	// ProgramEntry is the program's own entry (AT_ENTRY).
	ProgramEntry guest.Addr
	// PHDR and PHNum say where the program headers are in memory.
	PHDR  guest.Addr
	PHNum int
	// Image is the extent of the program's segments.
	Image guest.Range

	// Interp is the path of the ELF interpreter as the program names it, "" without one; InterpPath is the file.
	Interp, InterpPath string
	InterpBase         guest.Addr
	InterpImage        guest.Range

	// BrkStart is where the program break starts.
	BrkStart guest.Addr
	// ExecStack: the program asks for an executable stack.
	ExecStack bool
	// TLS: the program itself has thread-local storage.
	TLS bool
	// Bits of the program: 64.
	Bits int
	// Code, Data, Args and Env are the extents that /proc/PID/stat and cmdline show.
	Code, Data, Args, Env guest.Range
	// Auxv is the auxiliary vector as laid out, with AT_NULL.
	Auxv []uint64
}

// Error says why a program cannot be run, in the terms of execve and of a shell.
type Error struct {
	// Name is the program as the user knows it.
	Name string
	// Errno is what execve would return.
	Errno unix.Errno
	// Cause is one line for people.
	Cause string

	script bool // the program is there, its interpreter is not
}

func (e *Error) Error() string { return e.Name + ": " + e.Cause }

func (e *Error) Unwrap() error { return e.Errno }

// ExitCode is what a shell would exit with: 127 if there is nothing to run, 126 if it cannot be run; Valgrind has 126 for a
// script without its interpreter.
func (e *Error) ExitCode() int {
	if e.Errno == unix.ENOENT && !e.script {
		return 127
	}
	return 126
}

// text is strerror's text for the errors that execve has; unix.Errno's own texts start with a small letter.
func text(e unix.Errno) string {
	switch e {
	case unix.ENOENT:
		return "No such file or directory"
	case unix.EACCES:
		return "Permission denied"
	case unix.ENOEXEC:
		return "cannot execute binary file: Exec format error"
	case unix.EISDIR:
		return "is a directory"
	case unix.ENOTDIR:
		return "Not a directory"
	case unix.ELOOP:
		return "Too many levels of symbolic links"
	case unix.E2BIG:
		return "Argument list too long"
	case unix.ELIBBAD:
		return "Accessing a corrupted shared library"
	}
	return e.Error()
}

// refuse makes an *Error for name from any error of the steps below.
func refuse(name string, err error) error {
	var le *Error
	if errors.As(err, &le) {
		return le
	}
	var bad *formatError
	if errors.As(err, &bad) {
		return &Error{Name: name, Errno: bad.errno, Cause: bad.cause}
	}
	var e unix.Errno
	if errors.As(err, &e) {
		return &Error{Name: name, Errno: e, Cause: text(e)}
	}
	return &Error{Name: name, Errno: unix.EIO, Cause: err.Error()}
}

// Check says why the program that execve(path, argv, ...) would run cannot be run; Load may still find more.
func Check(path string, argv []string, opt Options) error {
	c, err := resolve(path, argv, opt)
	if err != nil {
		return refuse(path, err)
	}
	return c.file.Close()
}

// Load maps the program that execve(path, argv, envv) would run and builds its first stack. On error the Space may hold
// parts of the program; there is nothing else to do with it than to leave.
func Load(sp *aspace.Space, path string, argv, envv []string, opt Options) (*Image, error) {
	c, err := resolve(path, argv, opt)
	if err != nil {
		return nil, refuse(path, err)
	}
	defer c.file.Close()

	im := &Image{ExecFn: path, Argv: c.argv, Bits: 64, BrkStart: sp.BrkStart(), ExecStack: c.head.execStack, TLS: c.head.tls}
	if im.Path, err = realPath(c.file); err != nil {
		return nil, refuse(path, err)
	}
	prog, err := mapImage(sp, c.file, c.head, pieBase)
	if err != nil {
		return nil, refuse(path, fmt.Errorf("loader: %s: %w", c.path, err))
	}
	im.Base, im.Image = prog.bias, prog.extent
	im.PHDR, im.PHNum = prog.phdr, len(c.head.phdrs)
	im.Code, im.Data = prog.code, prog.data
	im.ProgramEntry = prog.entry
	im.Entry = prog.entry
	sp.SetData(prog.data.Len())

	if c.head.interp != "" {
		if err := im.loadInterp(sp, path, c.head.interp); err != nil {
			return nil, err
		}
	}
	if err := im.buildStack(sp, envv, opt); err != nil {
		return nil, refuse(path, err)
	}
	return im, nil
}

// loadInterp maps the dynamic linker. Errors name the program, and the interpreter in their cause.
func (im *Image) loadInterp(sp *aspace.Space, name, interp string) error {
	f, err := open(interp)
	if err == nil {
		defer f.Close()
		im.Interp = interp
		err = im.mapInterp(sp, f)
	}
	if err != nil {
		var e *Error
		errors.As(refuse(name, err), &e)
		e.Cause = fmt.Sprintf("ELF interpreter %s: %s", interp, e.Cause)
		return e
	}
	return nil
}

func (im *Image) mapInterp(sp *aspace.Space, f *os.File) error {
	h, err := readHeader(f)
	if err != nil {
		var bad *formatError
		if errors.As(err, &bad) {
			bad.errno = unix.ELIBBAD
		}
		return err
	}
	if im.InterpPath, err = realPath(f); err != nil {
		return err
	}
	m, err := mapImage(sp, f, h, interpBase)
	if err != nil {
		return err
	}
	im.InterpBase, im.InterpImage, im.Entry = m.bias, m.extent, m.entry
	return nil
}

// readHeader reads the headers of an open file.
func readHeader(f *os.File) (*header, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return parseHeader(f, st.Size())
}

var _ io.ReaderAt = (*os.File)(nil)

// realPath is the name of an open file without links, as /proc/PID/exe and maps show it.
func realPath(f *os.File) (string, error) {
	return os.Readlink(filepath.Join("/proc/self/fd", fmt.Sprint(f.Fd())))
}
