package memcheck

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gogrind/internal/guest"
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
  leak_check [full*|summary|xtleak] [kinds <kind>,...|reachable|possibleleak*|definiteleak] [heuristics <heur>,...]
             [increased*|changed|any] [unlimited*|limited <max_records>]
        searches for leaks; * marks defaults; xtleak writes them to a file (xtleak.kcg.%p.%n)
  block_list <record>|<from>..<to> [unlimited*|limited <max_blocks>] [heuristics <heur>,...]
        shows the blocks of loss records of the last search, with heuristics those that these kept reachable
  who_points_at <addr> [<len>]
        shows where pointers to <addr>, or with <len> into the bytes there, are found
  xtmemory [<filename>]
        writes what is allocated to a file (xtmemory.kcg.%p.%n)
`
}

// Monitor implements tool.Monitor.
func (m *Memcheck) Monitor(t tool.Thread, words []string) (known bool) {
	commands := []string{"help", "get_vbits", "leak_check", "make_memory", "check_memory", "block_list", "who_points_at", "xb", "xtmemory"}
	name, n := prefixed(words[0], commands)
	switch n {
	case 0:
		return false
	case 1:
	default:
		m.choice(words, commands...)
		return true
	}
	ok := true
	args := words[1:]
	switch name {
	case "help":
		m.log().Raw(m.MonitorHelp() + "\n")
		return true
	case "xtmemory":
		m.monitorTree(t, args)
		return true
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
	r, there := m.addressArgs(args) // an address that is missing, too, is told of, too
	if !ok || !there {
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

// prefixed finds the one of names that w is, or that w is the beginning of. n is the number of candidates.
func prefixed(w string, names []string) (name string, n int) {
	for _, k := range names {
		if k == w {
			return k, 1
		}
		if strings.HasPrefix(k, w) {
			name = k
			n++
		}
	}
	return name, n
}

// choice is the first argument, which must be one of names.
func (m *Memcheck) choice(args []string, names ...string) (string, bool) {
	w := ""
	if len(args) > 0 {
		w = args[0]
	}
	name, n := prefixed(w, names)
	switch {
	case n == 1:
		return name, true
	case n == 0:
		m.log().Raw(fmt.Sprintf("%s does not match any of '%s'\n", w, strings.Join(names, " ")))
		return "", false
	}
	can := slices.DeleteFunc(slices.Clone(names), func(k string) bool { return !strings.HasPrefix(k, w) })
	if w == "" {
		w = "<empty string>"
	}
	m.log().Raw(fmt.Sprintf("%s can match %s\n", w, strings.Join(can, " ")))
	return "", false
}

// addressArgs reads <addr> [<len>] or <addr>[<len>].
func (m *Memcheck) addressArgs(args []string) (guest.Range, bool) {
	text := strings.NewReplacer("[", " ", "]", "").Replace(strings.Join(args, " "))
	args = strings.Fields(text)
	n := uint64(1)
	a, ok := guest.Addr(0), len(args) > 0
	if ok {
		a, ok = hexAddress(args[0])
	}
	if !ok {
		m.log().Raw("missing or malformed address\n")
		return guest.Range{}, false
	}
	if len(args) > 1 {
		var err error
		if n, err = parseNumber(args[1]); err != nil || a+guest.Addr(n) < a {
			m.log().Raw("malformed integer, expecting hex 0x..... or dec ...... or binary 0b.....\n")
			return guest.Range{}, false
		}
	}
	return guest.Range{Start: a, End: a + guest.Addr(n)}, true
}

// hexAddress is the address that s begins with: hexadecimal digits behind 0x, never without.
func hexAddress(s string) (guest.Addr, bool) {
	digits, ok := strings.CutPrefix(s, "0x")
	if end := strings.IndexFunc(digits, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF", r) }); end >= 0 {
		digits = digits[:end]
	}
	n, err := strconv.ParseUint(digits, 16, 64)
	return guest.Addr(n), ok && err == nil
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
	if r.Len() == 0 {
		b.WriteByte('\n')
		if data {
			b.WriteByte('\n')
		}
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
		m.log().Raw(fmt.Sprintf("%snot addressable:\nbad address 0x%X\n", head, uint64(bad)))
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
		m.report.Message(0, " "+strings.ReplaceAll(x.Text, "\n", "\n "), pcs)
	}
}

// registerNames are in the order of guest.Regs.GPR, as Valgrind spells them.
var registerNames = [16]string{"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"}
