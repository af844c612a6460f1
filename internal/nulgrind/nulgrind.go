// Package nulgrind is the tool that looks at nothing: it runs a program unchanged. It shows what running under the core
// costs by itself, and that the core runs a program faithfully.
package nulgrind

import (
	"flag"

	"gogrind/internal/tool"
)

type nulgrind struct{}

// New returns the tool.
func New() tool.Tool { return nulgrind{} }

func (nulgrind) Info() tool.Info {
	return tool.Info{
		Name:        "nulgrind",
		Title:       "Nulgrind, the minimal Valgrind tool",
		Description: "runs a program without looking at it",
	}
}

func (nulgrind) Flags(*flag.FlagSet)          {}
func (nulgrind) Start(tool.Host) error        { return nil }
func (nulgrind) Instrument(*tool.Block)       {}
func (nulgrind) Finish(tool.Exit) (int, bool) { return 0, false }
