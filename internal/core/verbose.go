package core

import (
	"fmt"
	"os"
	"strings"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
)

// verboseHead is what -v prints behind the banner: the options from all sources, and the system.
func (p *Process) verboseHead() {
	lines := []string{"Valgrind options:"}
	for _, o := range p.cmd.Options {
		lines = append(lines, "   "+o)
	}
	if version, err := os.ReadFile("/proc/version"); err == nil {
		lines = append(lines, "Contents of /proc/version:", "  "+strings.TrimSpace(string(version)), "")
	}
	lines = append(lines, fmt.Sprintf("Page sizes: currently %d, max supported %[1]d", guest.PageSize))
	p.log.Debugf("%s", strings.Join(lines, "\n"))
}

// requireSymbols ends the process if obj has the name that a --require-text-symbol= gives but not the function: a program that
// was built without what is to be replaced must not seem to be checked.
func (p *Process) requireSymbols(obj *debuginfo.Object) {
	for _, spec := range p.opt.RequireTextSymbol {
		parts := strings.Split(spec, ":") // "", soname pattern, symbol pattern: checked by package options
		soname := obj.Soname()
		if soname == "" {
			soname = "NONE"
		}
		if !skipped([]string{parts[1]}, soname) {
			continue
		}
		found := false
		obj.Symbols(func(s debuginfo.Symbol) bool {
			found = (s.Type == debuginfo.Func || s.Type == debuginfo.IFunc) && skipped([]string{parts[2]}, s.Name)
			return !found
		})
		if found {
			continue
		}
		p.log.Raw("\nvalgrind:  Fatal error at when loading library with soname\nvalgrind:     " + soname +
			"\nvalgrind:  Cannot find any text symbol with a name that matches the pattern\nvalgrind:     " + parts[2] +
			"\nvalgrind:  as required by a --require-text-symbol= specification.\n\nvalgrind:  Cannot continue -- exiting now.\n\n")
		p.cutXML()
		os.Exit(1)
	}
}
