package lackey

import (
	"strconv"

	"gogrind/internal/isa"
	"gogrind/internal/tool"
)

// late adds to a counter what a record has told. These counters are apart from the ones that translated code adds to.
func (l *Lackey) late(c int, n uint64) { l.lateCounts[c] += n }

// add counts n values accessed at s.
func (l *Lackey) add(s *site, n uint64) {
	if s.kind&isa.Load != 0 {
		l.late(detail(opLoad, s.typ), n)
	}
	if s.kind&isa.Store != 0 {
		l.late(detail(opStore, s.typ), n)
	}
}

// Finish implements tool.Tool: it prints the counts.
func (l *Lackey) Finish(e tool.Exit) (status int, replace bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var v [numCounters]uint64
	for i := range v {
		v[i] = l.counters.Values[i] + l.lateCounts[i]
	}
	if l.opts.basic {
		l.basicCounts(&v)
	}
	if l.opts.detailed {
		l.detailedCounts(&v)
	}
	if l.opts.basic {
		l.log.Userf("")
		l.log.Userf("Exit code:       %d", e.Status)
	}
	return 0, false
}

func (l *Lackey) basicCounts(v *[numCounters]uint64) {
	plural := "s"
	if v[cCalls] == 1 {
		plural = ""
	}
	taken := v[cJumps] - v[cNotTaken]
	entered := v[cEntered]
	for _, s := range []string{
		"Counted " + commas(v[cCalls]) + " call" + plural + " to " + l.opts.function + "()",
		"",
		"Jccs:",
		"  total:         " + commas(v[cJumps]),
		"  taken:         " + commas(taken) + " (" + strconv.FormatUint(percent(taken, v[cJumps]), 10) + "%)",
		"",
		"Executed:",
		"  SBs entered:   " + commas(entered),
		"  SBs completed: " + commas(v[cCompleted]),
		"  guest instrs:  " + commas(v[cInsts]),
		"  IRStmts:       " + commas(v[cOps]),
		"",
		"Ratios:",
		"  guest instrs : SB entered  = " + commas(10*v[cInsts]/max(entered, 1)) + " : 10",
		"       IRStmts : SB entered  = " + commas(10*v[cOps]/max(entered, 1)) + " : 10",
		"       IRStmts : guest instr = " + commas(10*v[cOps]/max(v[cInsts], 1)) + " : 10",
	} {
		l.log.Userf("%s", s)
	}
}

func (l *Lackey) detailedCounts(v *[numCounters]uint64) {
	l.log.Userf("")
	l.log.Userf("IR-level counts by type:")
	l.log.Userf("   %-4s    %9s    %9s    %9s", "Type", "Loads", "Stores", "AluOps")
	l.log.Userf("   -------------------------------------------")
	for t := valueType(0); t < numTypes; t++ {
		n := [numOperations]uint64{v[detail(opLoad, t)], v[detail(opStore, t)], v[detail(opAlu, t)]}
		if t == tV512 && n == [numOperations]uint64{} {
			continue // Valgrind has no such line
		}
		l.log.Userf("   %-4s %12s %12s %12s", typeNames[t], commas(n[opLoad]), commas(n[opStore]), commas(n[opAlu]))
	}
}

// percent is a's share of b, rounded.
func percent(a, b uint64) uint64 { return (200*a + max(b, 1)) / (2 * max(b, 1)) }

// commas writes n with a comma after each third digit.
func commas(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
