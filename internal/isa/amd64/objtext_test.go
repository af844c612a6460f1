package amd64

import (
	"sort"
	"strconv"
	"strings"

	"gogrind/internal/isa"
)

// insnText is a disassembled instruction, taken apart.
type insnText struct {
	prefixes []string
	mnem     string
	mem      *memText
	size     string   // of the memory operand, "" if not said
	ops      []string // the other operands in order, with masks
}

type memText struct {
	seg, base, index string
	scale            int
	disp             uint64
}

func (m *memText) String() string {
	if m == nil {
		return "none"
	}
	return m.seg + ":" + m.base + "+" + m.index + "*" + strconv.Itoa(m.scale) + "+" + strconv.FormatUint(m.disp, 16)
}

var textPrefixes = map[string]bool{"lock": true, "rep": true, "repz": true, "repnz": true, "bnd": true, "notrack": true,
	"data16": true, "addr32": true, "xacquire": true, "xrelease": true, "cs": true, "ds": true, "es": true, "ss": true,
	"fs": true, "gs": true}

// parseText takes a line of objdump or of Text apart.
func parseText(s string) (t insnText) {
	if i := strings.IndexAny(s, "#<"); i >= 0 {
		if s[i] == '#' { // the address of a RIP-relative operand
			if a, _, ok := strings.Cut(strings.TrimSpace(s[i+1:]), " "); ok || a != "" {
				t.mem = &memText{disp: parseHex(a)}
			}
		}
		s = s[:i]
	}
	f := strings.Fields(s)
	for len(f) > 1 && (textPrefixes[f[0]] || strings.HasPrefix(f[0], "rex") || f[0] == "{evex}" || f[0] == "{vex}") {
		t.prefixes = append(t.prefixes, f[0])
		f = f[1:]
	}
	t.mnem = f[0]
	rip := t.mem
	t.mem = nil
	for _, o := range splitOperands(strings.Join(f[1:], " ")) {
		if !strings.ContainsAny(o, "[:") {
			t.ops = append(t.ops, o)
			continue
		}
		mask := ""
		if i := strings.IndexByte(o, '{'); i >= 0 {
			o, mask = o[:i], o[i:]
		}
		for _, w := range []string{" PTR ", " BCST "} {
			if size, rest, ok := strings.Cut(o, w); ok {
				t.size, o = size+strings.TrimRight(w, " "), rest
			}
		}
		m := parseMem(o)
		if rip != nil && strings.HasSuffix(m.base, "ip") {
			m = &memText{seg: m.seg, disp: rip.disp}
		}
		t.mem = m
		if i := strings.Index(mask, "{1to"); i >= 0 {
			mask = mask[:i]
		}
		t.ops = append(t.ops, "mem"+mask)
	}
	return t
}

func splitOperands(s string) (l []string) {
	for _, o := range strings.Split(s, ",") {
		if o = strings.TrimSpace(o); o != "" {
			l = append(l, o)
		}
	}
	return l
}

func parseHex(s string) uint64 {
	v, _ := strconv.ParseUint(strings.TrimPrefix(s, "0x"), 16, 64)
	return v
}

// parseMem parses "fs:[rax+rcx*8-0x10]" and "fs:0x28".
func parseMem(s string) *memText {
	m := new(memText)
	if seg, rest, ok := strings.Cut(s, ":"); ok {
		m.seg, s = seg, rest
	}
	s = strings.Trim(s, "[]")
	for _, t := range strings.Split(strings.ReplaceAll(s, "-", "+-"), "+") {
		switch {
		case t == "":
		case strings.Contains(t, "*"):
			i, n, _ := strings.Cut(t, "*")
			m.index = i
			m.scale, _ = strconv.Atoi(n)
		case t[0] == '-':
			m.disp = -parseHex(t[1:])
		case strings.HasPrefix(t, "0x"):
			m.disp = parseHex(t)
		default:
			m.base = t
		}
	}
	return m
}

// normalise removes differences of notation.
func (t *insnText) normalise(in *Inst) {
	// Names of comparisons: objdump has one for each predicate and leaves the immediate out.
	switch in.Row.Sem {
	case isa.VFpcmpk, isa.VCmpk, isa.VCrypto:
		if in.ImmLen == 1 {
			if n := len(t.ops) - 1; n > 0 && strings.HasPrefix(t.ops[n], "0x") {
				t.ops = t.ops[:n]
			}
			for _, stem := range []string{"vpcmpu", "vpcmp", "vcmp", "cmp", "vpclmul", "pclmul"} {
				if strings.HasPrefix(t.mnem, stem) && strings.HasPrefix(strings.ToLower(in.Mnem()), stem) {
					t.mnem = stem
				}
			}
		}
	}
	if in.Row.Imm == IJb || in.Row.Imm == IJz {
		t.ops[0] = "0x" + strings.TrimPrefix(t.ops[0], "0x")
	}
	for i, o := range t.ops {
		o = strings.ReplaceAll(o, "st(0)", "st")
		// Immediates: compared in the width that is encoded.
		if strings.HasPrefix(o, "0x") {
			v := parseHex(o)
			if n := in.ImmLen; n > 0 && n < 8 && in.Row.Cf == CfNone {
				if in.Imm2 == 0 && in.Row.Imm != IbIb && in.Row.Imm != IwIb {
					v &= 1<<(8*n) - 1
				}
			}
			o = "0x" + strconv.FormatUint(v, 16)
		}
		t.ops[i] = o
	}
	if m := t.mem; m != nil {
		switch m.index {
		case "riz", "eiz":
			m.index, m.scale = "", 0
		}
		switch m.seg {
		case "cs", "ds", "es", "ss":
			m.seg = ""
		}
		if m.base == "" && m.index == "" {
			m.disp &= 1<<32 - 1 // absolute addresses are printed sign-extended or not
		}
	}
	switch in.Row.Sem {
	case isa.Xlat, isa.Priv:
		if !in.HasMem {
			t.mem, t.size = nil, ""
		}
	case isa.StrMovs, isa.StrCmps:
		t.mem = nil
		sort.Strings(t.ops)
	}
	if in.Row.Attr&APrefetch != 0 || in.Row.Sem == isa.Lea || in.Row.Imm == IO {
		t.size = ""
	}
}
