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
	r.log.Raw(suppress.Generate(r.cfg.SuppTool, e.suppression(e.Frames)))
}

// wanted asks the user. The answer C, and the end of input, stop asking.
func (r *Reporter) wanted() bool {
	for {
		r.log.Print(User, "")
		r.log.Prompt(prompt)
		answer, ok := readAnswer(r.cfg.InputFD)
		switch {
		case answer == "C" || answer == "c" || answer == "" && !ok:
			r.noPrompt = true
			return false
		case answer == "" || answer == "N" || answer == "n":
			return false
		case answer == "Y" || answer == "y":
			return true
		}
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

// readAnswer reads one line from descriptor fd, byte by byte because the guest may read from it, too.
func readAnswer(fd int) (line string, ok bool) {
	var b strings.Builder
	var c [1]byte
	for {
		n, err := unix.Read(fd, c[:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return b.String(), false
		}
		if c[0] == '\n' {
			return b.String(), true
		}
		b.WriteByte(c[0])
	}
}
