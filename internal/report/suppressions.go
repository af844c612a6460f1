package report

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"gogrind/internal/suppress"
)

// prompt asks whether a suppression is wanted; front ends look for it.
const prompt = "---- Print suppression ? --- [Return/N/n/Y/y/C/c] ---- "

// offerSuppression prints a suppression for e as --gen-suppressions asks; r.mu is held.
func (r *Reporter) offerSuppression(e *Entry) {
	switch r.cfg.GenSuppressions {
	case "all":
	case "yes":
		if r.noPrompt || !r.wanted() {
			return
		}
	default:
		return
	}
	if e.SuppKind == "" {
		r.log.Userf("(%s does not allow error to be suppressed)", r.cfg.SuppTool)
		return
	}
	r.log.Raw(suppress.Generate(r.cfg.SuppTool, e.suppression(e.Frames)))
}

// wanted asks the user. The answer C, and the end of input, stop asking. An answer is a letter and a newline, or a newline
// alone; after each character that is none the question comes again, so that front ends that count questions stay in step.
func (r *Reporter) wanted() bool {
	r.log.Print(User, "")
	for {
		r.log.Prompt(prompt)
		c, ok := readByte(r.cfg.InputFD)
		if ok && c != '\n' {
			if !strings.ContainsRune("NnYyCc", rune(c)) {
				continue
			}
			var end byte
			if end, ok = readByte(r.cfg.InputFD); ok && end != '\n' {
				continue
			}
		}
		switch {
		case !ok || c == 'C' || c == 'c':
			r.noPrompt = true
			return false
		case c == 'Y' || c == 'y':
			return true
		}
		return false
	}
}

// printUsed lists the suppressions that were used, the latest first; there is at least one, and r.mu is held.
func (r *Reporter) printUsed() {
	var b strings.Builder
	for _, rule := range r.used {
		n, bytes, blocks := rule.Used()
		fmt.Fprintf(&b, "\nused_suppression: %6d %s %s:%d", n, rule.Name, rule.File, rule.Line)
		if blocks > 0 {
			fmt.Fprintf(&b, " suppressed: %s bytes in %s blocks", Commas(bytes), Commas(blocks))
		}
	}
	r.log.Print(Debug, b.String())
}

// readByte reads from descriptor fd, no more than a byte because the guest may read from it, too.
func readByte(fd int) (c byte, ok bool) {
	var b [1]byte
	for {
		n, err := unix.Read(fd, b[:])
		if !errors.Is(err, unix.EINTR) {
			return b[0], err == nil && n == 1
		}
	}
}
