package memcheck

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gogrind/internal/guest"
	"gogrind/internal/leak"
	"gogrind/internal/options"
	"gogrind/internal/shadow"
	"gogrind/internal/tool"
)

// Dynamic implements tool.Changer.
func (*Memcheck) Dynamic() []string {
	return []string{"errors-for-leak-kinds", "show-leak-kinds", "leak-check-heuristics", "show-reachable", "show-possibly-lost",
		"freelist-vol", "freelist-big-blocks", "leak-check", "ignore-ranges", "ignore-range-below-sp", "show-mismatched-frees"}
}

// MonitorHelp implements tool.Monitor.
func (*Memcheck) MonitorHelp() string {
	return `memcheck monitor commands:
  xb <addr> [<len>]
        shows which bits of <len> (or 1) bytes at <addr> are undefined (1; __ is an inaccessible byte), and the bytes below
  get_vbits <addr> [<len>]
        the same without the bytes, in groups of 4
  make_memory noaccess|undefined|defined|Definedifaddressable <addr> [<len>]
        marks <len> (or 1) bytes at <addr>
  check_memory addressable|defined <addr> [<len>]
        checks <len> (or 1) bytes at <addr> and describes <addr>
  leak_check [full*|summary] [kinds <kind>,...|reachable|possibleleak*|definiteleak] [heuristics <heur>,...]
             [increased*|changed|any] [unlimited*|limited <max_records>]
        searches for leaks; * marks defaults
  block_list <record>|<from>..<to> [unlimited*|limited <max_blocks>]
        shows the blocks of loss records of the last search
  who_points_at <addr> [<len>]
        shows where pointers to <addr>, or with <len> into the bytes there, are found
`
}

// Monitor implements tool.Monitor.
func (m *Memcheck) Monitor(t tool.Thread, words []string) (known bool) {
	name, ok := prefixed(words[0], "xb", "get_vbits", "make_memory", "check_memory", "leak_check", "block_list", "who_points_at")
	if !ok {
		return false
	}
	args := words[1:]
	switch name {
	case "leak_check":
		m.monitorLeaks(t, args)
		return true
	case "block_list":
		m.monitorBlocks(args)
		return true
	}
	how := ""
	switch name {
	case "make_memory":
		how, ok = m.choice(args, "noaccess", "undefined", "defined", "Definedifaddressable")
		args = args[min(1, len(args)):]
	case "check_memory":
		how, ok = m.choice(args, "addressable", "defined")
		args = args[min(1, len(args)):]
	}
	if !ok {
		return true
	}
	r, ok := m.addressArgs(args)
	if !ok {
		return true
	}
	switch name {
	case "xb":
		m.showVbits(r, 8, true)
	case "get_vbits":
		m.showVbits(r, 32, false)
	case "make_memory":
		m.monitorMake(how, r)
	case "check_memory":
		m.monitorCheck(t, how, r)
	case "who_points_at":
		m.whoPointsAt(t, r)
	}
	return true
}

// prefixed finds the one of names that begins with w.
func prefixed(w string, names ...string) (name string, ok bool) {
	for _, n := range names {
		if n == w {
			return n, true
		}
		if w != "" && strings.HasPrefix(n, w) {
			if ok {
				return "", false
			}
			name, ok = n, true
		}
	}
	return name, ok
}

// choice is the first argument, which must be one of names.
func (m *Memcheck) choice(args []string, names ...string) (string, bool) {
	w := ""
	if len(args) > 0 {
		w = args[0]
	}
	n, ok := prefixed(w, names...)
	if !ok {
		m.log().Raw(fmt.Sprintf("%s does not match any of '%s '\n", w, strings.Join(names, " ")))
	}
	return n, ok
}

// addressArgs reads <addr> [<len>] or <addr>[<len>].
func (m *Memcheck) addressArgs(args []string) (guest.Range, bool) {
	text := strings.NewReplacer("[", " ", "]", "").Replace(strings.Join(args, " "))
	args = strings.Fields(text)
	n := uint64(1)
	var a uint64
	err := strconv.ErrSyntax
	if len(args) > 0 {
		a, err = parseNumber(args[0])
	}
	if err != nil {
		m.log().Raw("missing or malformed address\n")
		return guest.Range{}, false
	}
	if len(args) > 1 {
		if n, err = parseNumber(args[1]); err != nil || n == 0 || a+n < a {
			m.log().Raw("invalid length\n")
			return guest.Range{}, false
		}
	}
	return guest.Range{Start: guest.Addr(a), End: guest.Addr(a + n)}, true
}

func parseNumber(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 0, 64)
	if err != nil {
		return 0, strconv.ErrSyntax
	}
	return n, nil
}

// maxShown is how many bytes one command shows at most.
const maxShown = 1 << 20

// showVbits shows which bits of r are undefined, perLine bytes in a line; data shows the bytes, too.
func (m *Memcheck) showVbits(r guest.Range, perLine int, data bool) {
	if r.Len() > maxShown {
		r.End = r.Start + maxShown
	}
	var b strings.Builder
	lost := 0
	for at := r.Start; at < r.End; at += guest.Addr(perLine) {
		n := min(perLine, int(r.End-at))
		var v, d [32]byte
		var gone [32]bool
		for i := range n {
			gone[i] = shadow.IsNoAccess(m.shadow.At(at + guest.Addr(i)))
			if gone[i] {
				lost++
			} else {
				m.shadow.LoadV(v[i:i+1], at+guest.Addr(i))
			}
		}
		got := m.host.Memory().ReadMem(d[:n], at)
		if data {
			b.WriteString("\t")
		}
		for i := range n {
			switch {
			case data:
				b.WriteString("\t  ")
			case i > 0 && i%4 == 0:
				b.WriteByte(' ')
			}
			if gone[i] {
				b.WriteString("__")
			} else {
				fmt.Fprintf(&b, "%02x", v[i])
			}
		}
		b.WriteByte('\n')
		if !data {
			continue
		}
		fmt.Fprintf(&b, "0x%X:", uint64(at))
		for i := range n {
			if i < got && !gone[i] {
				fmt.Fprintf(&b, "\t0x%02x", d[i])
			} else {
				b.WriteString("\t0x??")
			}
		}
		b.WriteByte('\n')
	}
	if lost > 0 {
		fmt.Fprintf(&b, "Address 0x%X len %d has %d bytes unaddressable\n", uint64(r.Start), r.Len(), lost)
	}
	m.log().Raw(b.String())
}

func (m *Memcheck) monitorMake(how string, r guest.Range) {
	switch how {
	case "noaccess":
		m.shadow.MakeNoAccess(r)
	case "undefined":
		m.shadow.MakeUndefined(r)
	case "defined":
		m.shadow.MakeDefined(r)
	case "Definedifaddressable":
		m.shadow.MakeDefinedIfAddressable(r)
	}
}

func (m *Memcheck) monitorCheck(t tool.Thread, how string, r guest.Range) {
	head := fmt.Sprintf("Address 0x%X len %d ", uint64(r.Start), r.Len())
	bad, kind := m.shadow.Check(r)
	if how == "addressable" {
		kind = shadow.OK
		if a, is := m.shadow.FirstNoAccess(r); is {
			bad, kind = a, shadow.Unaddressable
		}
	}
	switch {
	case kind == shadow.OK:
		m.log().Raw(head + how + "\n")
	case kind == shadow.Unaddressable:
		m.log().Raw(fmt.Sprintf("%snot %s:\nbad address 0x%X\n", head, how, uint64(bad)))
	default:
		m.log().Raw(fmt.Sprintf("%snot %s:\nUninitialised value at 0x%X\n", head, how, uint64(bad)))
	}
	m.Describe(t, r.Start)
}

// Describe writes what is known of address a to the log.
func (m *Memcheck) Describe(t tool.Thread, a guest.Addr) {
	for _, x := range m.describe(t, a) {
		pcs := x.PCs
		if pcs == nil && x.Stack != 0 {
			pcs = m.stack(x.Stack)
		}
		m.report.Message(0, " "+x.Text, pcs)
	}
}

// monitorLeaks is leak_check.
func (m *Memcheck) monitorLeaks(t tool.Thread, args []string) {
	full, mode, limit := true, deltaIncreased, 0
	kinds, heuristics := m.opts.showKinds, m.opts.heuristics
	m.opts.showKinds = defaultKinds
	defer func() { m.opts.showKinds, m.opts.heuristics = kinds, heuristics }()
	for i := 0; i < len(args); i++ {
		next := func() string {
			if i++; i < len(args) {
				return args[i]
			}
			return ""
		}
		w, ok := m.choice(args[i:], "full", "summary", "kinds", "reachable", "possibleleak", "definiteleak", "heuristics", "increased",
			"changed", "any", "unlimited", "limited")
		if !ok {
			return
		}
		switch w {
		case "full", "summary":
			full = w == "full"
		case "kinds":
			set, ok := bitsOf(next(), leakKindNames)
			if !ok {
				m.log().Raw("missing or malformed leak kinds set\n")
				return
			}
			m.opts.showKinds = set
		case "reachable":
			m.opts.showKinds = 1<<len(leakKindNames) - 1
		case "possibleleak":
			m.opts.showKinds = defaultKinds
		case "definiteleak":
			m.opts.showKinds = 1 << kindDefinite
		case "heuristics":
			set, ok := bitsOf(next(), heuristicNames)
			if !ok {
				m.log().Raw("missing or malformed heuristics set\n")
				return
			}
			m.opts.heuristics = set
		case "increased":
			mode = deltaIncreased
		case "changed":
			mode = deltaChanged
		case "any":
			mode = deltaAny
		case "limited":
			n, err := parseNumber(next())
			if err != nil || n == 0 {
				m.log().Raw("missing or malformed max_loss_records_output\n")
				return
			}
			limit = int(n)
		}
	}
	m.host.StopOthers(func() {
		m.leakLimit = limit
		m.leakCheck(t.ID(), full, mode)
		m.leakLimit = 0
	})
}

// bitsOf reads a list of names, "all" or "none" as a set.
func bitsOf(list string, names []string) (set options.Set, ok bool) {
	switch list {
	case "all":
		return 1<<len(names) - 1, true
	case "none":
		return 0, true
	}
	for _, w := range strings.Split(list, ",") {
		i := slices.Index(names, w)
		if i < 0 {
			return 0, false
		}
		set |= 1 << i
	}
	return set, true
}

// lastSearch is the result of a leak search, for block_list.
type lastSearch struct {
	blocks  []leak.Block
	kinds   []leak.Kind
	records []leak.Record
	place   func(uint32) uint32
}

// monitorBlocks is block_list.
func (m *Memcheck) monitorBlocks(args []string) {
	m.mu.Lock()
	s := m.search
	m.mu.Unlock()
	if s == nil {
		m.log().Raw("no leak search done yet\n")
		return
	}
	from, to, limit := 0, 0, 0
	if len(args) > 0 {
		lo, hi, both := strings.Cut(args[0], "..")
		from, _ = strconv.Atoi(lo)
		if to = from; both {
			to, _ = strconv.Atoi(hi)
		}
	}
	if from < 1 || to < from || to > len(s.records) {
		m.log().Raw("invalid loss record nr\n")
		return
	}
	if len(args) > 2 && args[1] == "limited" {
		limit, _ = strconv.Atoi(args[2])
	}
	for n := from; n <= to; n++ {
		r := &s.records[n-1]
		m.report.Message(0, r.Text(n, len(s.records)), m.stack(r.Stack))
		shown := 0
		for i := range s.blocks {
			b := &s.blocks[i]
			if s.kinds[i] != r.Kind || s.place(b.Stack) != s.place(r.Stack) {
				continue
			}
			if shown++; limit > 0 && shown > limit {
				break
			}
			m.log().Userf("0x%X[%d]", uint64(b.Addr), b.Size)
		}
	}
}

// whoPointsAt shows the words that point to r's start, or into r if that is longer than a byte.
func (m *Memcheck) whoPointsAt(t tool.Thread, r guest.Range) {
	if r.Len() == 1 {
		m.log().Userf("Searching for pointers to %#x", uint64(r.Start))
	} else {
		m.log().Userf("Searching for pointers pointing in %d bytes from %#x", r.Len(), uint64(r.Start))
	}
	m.host.StopOthers(func() {
		blocks, heap := m.leakBlocks()
		areas := m.leakRoots(heap)
		for i := range blocks {
			areas = append(areas, guest.Range{Start: blocks[i].Addr, End: blocks[i].Addr + guest.Addr(blocks[i].Size)})
		}
		words := &definedWords{m: m}
		buf := make([]uint64, guest.PageSize/8)
		for _, area := range areas {
			for a := (area.Start + 7) &^ 7; a+8 <= area.End; {
				w := buf[:min(len(buf), int((area.End-a)/8))]
				words.Words(w, a)
				for i, v := range w {
					if p := guest.Addr(v); r.Contains(p) && v != 0 {
						m.pointer(t, a+guest.Addr(8*i), p)
					}
				}
				a += guest.Addr(8 * len(w))
			}
		}
		m.host.Threads(func(th tool.Thread) bool {
			for i, v := range th.Regs().GPR {
				if r.Contains(guest.Addr(v)) {
					m.log().Userf("tid %d register %s pointing at %#x", th.ID(), registerNames[i], v)
				}
			}
			return true
		})
	})
}

func (m *Memcheck) pointer(t tool.Thread, at, to guest.Addr) {
	m.log().Userf("*%#x points at %#x", uint64(at), uint64(to))
	m.Describe(t, at)
}

// registerNames are in the order of guest.Regs.GPR, as Valgrind spells them.
var registerNames = [16]string{"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"}
