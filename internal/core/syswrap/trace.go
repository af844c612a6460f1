package syswrap

import (
	"fmt"
	"strings"
)

// maxTraceString is how much of a string a trace line shows.
const maxTraceString = 80

// trace prints the call in one line, in Valgrind's shape: SYSCALL[thread](number) sys_name(arguments) --> result.
func (e *Engine) trace(c *Call) {
	if e.cfg.Trace == nil || !e.cfg.Tracing() {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "SYSCALL[%d](%3d) sys_%s(", c.t.ID(), c.Nr, c.row.name)
	first := true
	comma := func() {
		if !first {
			b.WriteString(", ")
		}
		first = false
	}
	if c.known {
		c.each(func(c *Call, i int, p *Param) {
			comma()
			c.format(&b, i, p)
		})
	} else {
		for _, a := range c.Args {
			comma()
			fmt.Fprintf(&b, "%#x", a)
		}
	}
	b.WriteString(")")
	b.WriteString(c.resultText())
	e.cfg.Trace(b.String())
}

// resultText is what a trace line says of the result.
func (c *Call) resultText() string {
	switch {
	case c.out.Kind != Done:
		return fmt.Sprintf(" --> [%s]", c.out.Kind)
	case interrupted(c.Result):
		return " --> [interrupted]"
	case c.Result < 0 && c.Result > -4096:
		return fmt.Sprintf(" --> Failure(%#x)", -c.Result)
	}
	return fmt.Sprintf(" --> Success(%#x)", uint64(c.Result))
}

func (k OutcomeKind) String() string {
	return [...]string{"done", "exit", "exit_group", "exec", "clone", "fork", "vfork", "sigreturn"}[k]
}

// format prints argument i as its parameter says.
func (c *Call) format(b *strings.Builder, i int, p *Param) {
	v := c.Args[i]
	if p.width == 4 {
		v = uint64(uint32(v))
	}
	switch p.kind {
	case kInt, kFD:
		if p.width == 4 {
			fmt.Fprintf(b, "%d", int32(v))
		} else {
			fmt.Fprintf(b, "%d", int64(v))
		}
	case kDirFD:
		if int32(v) == atFDCWD {
			b.WriteString("AT_FDCWD")
		} else {
			fmt.Fprintf(b, "%d", int32(v))
		}
	case kOctal:
		fmt.Fprintf(b, "%#o", v)
	case kString, kPath:
		fmt.Fprintf(b, "%#x", v)
		if s, ok := c.loadString(v, 4096); ok {
			if len(s) > maxTraceString {
				s = s[:maxTraceString] + "..."
			}
			fmt.Fprintf(b, "(%s)", s)
		}
	default:
		fmt.Fprintf(b, "%#x", v)
	}
}
