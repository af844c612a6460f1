package options

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Error is a command line that can't be used. Its text has Valgrind's wording, one message line per line.
type Error struct {
	// Option is the option as given; empty when no single option is to blame.
	Option string
	// Unknown is set for an option that does not exist, or an enumeration value that does not.
	Unknown bool
	// Detail is what is wrong, possibly several lines.
	Detail string
	// Logged says that the message belongs in the log's form ("==PID== "), as Valgrind gives what it finds out
	// only when it opens its log; otherwise it is prefixed by the program's name.
	Logged bool
	// Bare is set for messages that stand alone, without the option and without a hint.
	Bare bool
}

// Error is the text of the message without prefixes and without the hint that ends it.
func (e *Error) Error() string {
	switch {
	case e.Unknown:
		return "Unknown option: " + e.Option
	case e.Option == "" || e.Bare:
		return e.Detail
	case e.Detail == "":
		return "Bad option: " + e.Option
	}
	return "Bad option: " + e.Option + "\n" + e.Detail
}

// hint is the last line of the message.
func (e *Error) hint() string {
	if e.Option == "" {
		return "Use --help for more information."
	}
	return "Use --help for more information or consult the user manual."
}

func bad(format string, args ...any) error { return &Error{Detail: fmt.Sprintf(format, args...)} }

// errUnknown is what Set methods return for values that make the whole option unknown.
var errUnknown error = &Error{Unknown: true}

// Answer is the result of an option that asks a question (--help, --version): its text goes to stdout and the program
// is not run.
type Answer struct{ Text string }

func (a *Answer) Error() string {
	return "options: the command line asks for information, not for a run"
}

// Finish reports an error of Parse the way Valgrind does and returns the exit status: answers go to stdout with
// status 0, everything else to stderr with status 1. prog is the name in front of messages.
func Finish(err error, prog string, pid int, stdout, stderr io.Writer) int {
	var a *Answer
	if errors.As(err, &a) {
		io.WriteString(stdout, a.Text)
		return 0
	}
	prefix := prog + ": "
	lines := strings.Split(err.Error(), "\n")
	var e *Error
	if errors.As(err, &e) {
		lines = strings.Split(e.Error(), "\n")
		if !e.Bare {
			lines = append(lines, e.hint())
		}
		if e.Logged {
			prefix = fmt.Sprintf("==%d== ", pid)
		}
	}
	for _, l := range lines {
		io.WriteString(stderr, prefix+l+"\n")
	}
	return 1
}
