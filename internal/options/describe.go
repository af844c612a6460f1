package options

import "flag"

// Description is one option as documentation shows it.
type Description struct {
	Group    string // the heading it has in --help
	Name     string // without dashes
	Spelling string // with dashes and argument: "--num-callers=<number>"
	Default  string // "" for none
	Usage    string
	Debug    bool // only --help-debug shows it
}

// Describe lists the options of the core, in the order of --help. toolFlags, if not nil, declares those of tool, which are a
// group of their own.
func Describe(tool string, toolFlags func(*flag.FlagSet)) []Description {
	p := &parser{core: &Core{}, tool: tool}
	p.declare(toolFlags)
	var list []Description
	for _, g := range p.groups {
		for _, n := range g.names {
			f := p.fs.Lookup(n)
			usage, debug := cutDebug(f.Usage)
			list = append(list, Description{Group: g.title, Name: n, Spelling: spelling(f), Default: f.DefValue, Usage: usage, Debug: debug || g.debug})
		}
	}
	return list
}
