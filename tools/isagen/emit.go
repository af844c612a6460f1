package main

import (
	"bytes"
	"fmt"
	"go/format"
	"math/bits"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// attrNames maps attributes to the Go constants of Row.Attr; "n" and "cf" attributes have values and own fields.
var attrNames = map[string]string{
	"lock": "ALock", "bc": "ABc", "er": "AEr", "sae": "ASae", "novv": "ANoVV", "noz": "ANoZ", "nok": "ANoK", "mx": "AMx",
	"scalar": "AScalar", "align": "AAlign", "d64": "AD64", "o64": "AF64", "ring0": "ARing0", "gather": "AGather",
	"scatter": "AScatter", "vsibx": "AVsibX", "vsiby": "AVsibY", "vsibz": "AVsibZ", "nop": "ANop",
	"prefetch": "APrefetch", "state": "AState", "rexb": "ARexB", "nt": "ANt", "kctl": "AKctl",
	"now": "ANoW", "rmreg": "ARmReg", "vzero": "AVZero", "unal": "unal",
}

var locNames = strings.Fields("G R MR M MS B Z V U MU H L P N MN K KR MKR KH KM KP S C D STi A O " +
	"Ib Isb Iw Iz Iv Id I1 I2b Jb Jz")

var widthNames = strings.Fields("b w d q dq qq oq t v z y a s s2 s5 p x h f e dd m14 m28 m48 m94 m108 m512 m576 qh")

// Fixed registers: the constants of the register class and the number.
var gprNames = strings.Fields("rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15")

var miscNames = map[string]string{
	"rflags": "MiscRFlags", "mxcsr": "MiscMXCSR", "x87status": "MiscX87Status", "x87control": "MiscX87Control",
	"x87tag": "MiscX87Tag", "x87push": "MiscX87Push", "x87pop": "MiscX87Pop", "x87pop2": "MiscX87Pop2",
	"xcr0": "MiscXCR0", "ssp": "MiscSSP", "fsbase": "MiscFSBase", "gsbase": "MiscGSBase", "tsc": "MiscTSC",
	"tscaux": "MiscTSCAux", "msrs": "MiscMSRs", "gdtr": "MiscGDTR", "idtr": "MiscIDTR", "ldtr": "MiscLDTR",
	"tr": "MiscTR", "cr0": "MiscCR0", "uif": "MiscUIF", "rip": "MiscRIP", "fs": "MiscFS", "gs": "MiscGS", "ss": "MiscSS",
}

var imemNames = map[string]string{"[es:rdi]": "ImESRDI", "[rsi]": "ImRSI", "[rdi]": "ImRDI", "[rax]": "ImRAX",
	"[rbp]": "ImRBP", "[rbx+al]": "ImRBXAL", "[G]": "ImReg"}

var accNames = map[string]string{"r": "AccR", "w": "AccW", "rw": "AccR|AccW", "cr": "AccR|AccCond", "cw": "AccW|AccCond",
	"rcw": "AccR|AccW|AccCW", "crw": "AccR|AccW|AccCond", "n": "AccN"}

// EFLAGS bits (manual, vol. 1, 3.4.3). "*" is all system bits: IOPL, NT, RF, VM, VIF, VIP, ID. Digits are x87's C0-C3.
var flagBits = map[rune]uint32{'C': 1, 'P': 1 << 2, 'A': 1 << 4, 'Z': 1 << 6, 'S': 1 << 7, 't': 1 << 8, 'i': 1 << 9,
	'D': 1 << 10, 'O': 1 << 11, 'a': 1 << 18, '*': 3<<12 | 1<<14 | 1<<16 | 1<<17 | 7<<19,
	'0': 1 << 24, '1': 1 << 25, '2': 1 << 26, '3': 1 << 27}

// immediates maps operand locations to the constant of the immediate's encoding.
var immediates = map[string]string{"Ib": "Ib", "Isb": "Ib", "L": "Ib", "Iw": "Iw", "Iz": "Iz", "Iv": "Iv", "Id": "Id",
	"Jb": "IJb", "Jz": "IJz", "O": "IO"}

// slot is an opcode map; the order is that of slotOf in package amd64.
type slot struct {
	space byte
	mp    int
}

var slots = []slot{{'L', 0}, {'L', 1}, {'L', 2}, {'L', 3}, {'3', 0}, {'V', 1}, {'V', 2}, {'V', 3}, {'V', 5}, {'V', 7},
	{'E', 1}, {'E', 2}, {'E', 3}, {'E', 5}, {'E', 6}, {'X', 0}, {'X', 1}, {'X', 2}}

// Bits of the one-hot key, as in package amd64.
const (
	kPP, kW, kL, kMod, kReg, kRm = 0, 6, 8, 11, 13, 21
	ppMask, wMask, lMask         = 0x3f, 0xc0, 0x700
	modMask, regMask, rmMask     = 3 << kMod, 0xff << kReg, 0xff << kRm
)

var ppBits = map[string]uint32{"*": 0x3f, "np": 1, "66": 2, "f2": 4, "f266": 8, "f3": 16, "f366": 32,
	"F2": 0x0c, "F3": 0x30, "!F3": 0x0f, "!REP": 0x03, "!66": 0x15}

func digits(s string) (m uint32) {
	if s == "*" || s == "" {
		return 0xff
	}
	for _, c := range s {
		m |= 1 << (c - '0')
	}
	return m
}

// mask is the set of keys that r matches.
func (r *row) mask() uint32 {
	var pp uint32
	for _, x := range strings.Split(r.pp, "/") {
		if r.space != 'L' && r.space != '3' {
			x = strings.ToLower(x) // a VEX prefix has exactly one
		}
		pp |= ppBits[x]
	}
	l := uint32(1)
	if r.l != "-" {
		l = digits(r.l) & 7
	}
	mod := uint32(3)
	switch r.mod {
	case "m":
		mod = 1
	case "r":
		mod = 2
	}
	return pp<<kPP | digits(r.w)&3<<kW | l<<kL | mod<<kMod | digits(r.reg)<<kReg | digits(r.rm)<<kRm
}

// tables collects what is emitted, with equal entries shared.
type tables struct {
	mnems, flags, pool, fixed, sets []string
	ops                             map[string]int
}

func index(l *[]string, s string) int {
	i := slices.Index(*l, s)
	if i < 0 {
		i = len(*l)
		*l = append(*l, s)
	}
	return i
}

// generate makes the Go source of the tables.
func generate(rows []*row) ([]byte, error) {
	t := &tables{flags: []string{""}, ops: map[string]int{}}
	type cell struct {
		s  slot
		op int
	}
	cells := map[cell][]*row{}
	lits := map[*row]string{}
	for _, r := range rows {
		lit, err := t.row(r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r, err)
		}
		lits[r] = lit
		for i := range 8 {
			if r.plus == "" && i > 0 {
				break
			}
			if r.plus == "" || digits(r.plus)>>i&1 != 0 {
				c := cell{slot{r.space, r.mp}, r.opc + i}
				cells[c] = append(cells[c], r)
			}
		}
	}
	var first, count, body bytes.Buffer
	emitted := map[string]int{}
	n := 0
	for _, s := range slots {
		for op := range 256 {
			c := cells[cell{s, op}]
			delete(cells, cell{s, op})
			if err := order(c); err != nil {
				return nil, err
			}
			text := ""
			for _, r := range c {
				text += lits[r] + ",\n"
			}
			start, ok := emitted[text]
			if !ok && len(c) > 0 {
				start = n
				emitted[text] = n
				n += len(c)
				body.WriteString(text)
			}
			if len(c) > 0 {
				start++
			}
			fmt.Fprintf(&first, "%d,", start)
			fmt.Fprintf(&count, "%d,", len(c))
			if op%32 == 31 {
				first.WriteByte('\n')
				count.WriteByte('\n')
			}
		}
	}
	for c, rs := range cells {
		return nil, fmt.Errorf("%s: no opcode map %c%d", rs[0], c.s.space, c.s.mp)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "// Code generated by isagen; DO NOT EDIT.\n\npackage amd64\n\nimport \"gogrind/internal/isa\"\n\n")
	fmt.Fprintf(&out, "// The instruction set extensions.\nconst (\nExtNone Ext = iota\n")
	sort.Strings(t.sets)
	for _, s := range t.sets {
		fmt.Fprintf(&out, "Ext%s\n", title(s))
	}
	fmt.Fprintf(&out, ")\n\nvar extNames = [...]string{\"none\", \"%s\"}\n\n", strings.Join(t.sets, `", "`))
	fmt.Fprintf(&out, "const nSlots = %d\n\n", len(slots))
	fmt.Fprintf(&out, "// slotIdx is 1 + the index of the first row of each opcode of each map, 0 for none.\n")
	fmt.Fprintf(&out, "var slotIdx = [nSlots * 256]uint16{\n%s}\n\n", &first)
	fmt.Fprintf(&out, "// slotCnt is the number of rows of each opcode.\n")
	fmt.Fprintf(&out, "var slotCnt = [nSlots * 256]uint8{\n%s}\n\n", &count)
	fmt.Fprintf(&out, "var rows = [...]Row{\n%s}\n\n", &body)
	fmt.Fprintf(&out, "var opPool = [...]OpDesc{\n%s}\n\n", strings.Join(t.pool, ",\n")+",\n")
	fmt.Fprintf(&out, "// fixTab holds the registers of LFix and LAddr operands.\n")
	fmt.Fprintf(&out, "var fixTab = [...]fixedReg{\n%s}\n\n", strings.Join(t.fixed, ",\n")+",\n")
	fmt.Fprintf(&out, "const mnemStr = %q\n\nvar mnemOff = [...]uint16{", strings.Join(t.mnems, ""))
	off := 0
	for _, m := range append(t.mnems, "") {
		fmt.Fprintf(&out, "%d,", off)
		off += len(m)
	}
	fmt.Fprintf(&out, "}\n\nvar flagPool = [...]FlagEff{\n")
	for _, f := range t.flags {
		lit, err := flagLit(f)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "%s, // %s\n", lit, f)
	}
	fmt.Fprintf(&out, "}\n")
	return format.Source(out.Bytes())
}

// order sorts rows of one opcode so that the more special ones come first, and rejects ambiguous ones.
func order(c []*row) error {
	weight := func(r *row) int {
		if r.attrs["rexb"] { // matches on a prefix that is not in the key
			return 0
		}
		return bits.OnesCount32(r.mask())
	}
	sort.SliceStable(c, func(i, j int) bool { return weight(c[i]) < weight(c[j]) })
	for i, a := range c {
		for _, b := range c[i+1:] {
			x := a.mask() & b.mask()
			overlap := x&ppMask != 0 && x&wMask != 0 && x&lMask != 0 && x&modMask != 0 && x&regMask != 0 && x&rmMask != 0
			if overlap && weight(a) == weight(b) {
				return fmt.Errorf("ambiguous rows:\n%s\n%s", a, b)
			}
		}
	}
	return nil
}

// row is the literal of one row.
func (t *tables) row(r *row) (string, error) {
	if r.class == "" {
		return "", fmt.Errorf("no class")
	}
	var at []string
	if r.modrm {
		at = append(at, "AModRM")
	}
	if r.plus != "" {
		at = append(at, "APlusR")
	}
	cf, tuple := "CfNone", "0"
	for a := range r.attrs {
		k, v, ok := strings.Cut(a, ":")
		switch {
		case k == "cf" && ok:
			cf = "Cf" + title(v)
		case k == "n" && ok:
			tuple = "W" + v
		default:
			at = append(at, attrNames[a])
		}
	}
	imm := "INone"
	var ops []string
	checked := r.attrs["vsibx"] || r.typ == "2f16" // all rows with VSIB have vsibx
	for _, o := range r.ops {
		lit, loc, err := t.operand(o)
		if err != nil {
			return "", err
		}
		ops = append(ops, lit)
		if x, ok := immediates[loc]; ok {
			imm = x
		}
		if loc == "I2b" {
			imm = map[string]string{"Ib": "IbIb", "Iw": "IwIb"}[imm]
		}
		switch loc {
		case "K", "KP", "KH", "S":
			checked = true
		case "G":
			checked = checked || r.space == 'E'
		}
	}
	if checked {
		at = append(at, "AChk")
	}
	sort.Strings(at)
	if len(at) == 0 {
		at = []string{"0"}
	}
	elem := "0"
	switch r.elem {
	case "":
	case "y":
		elem = "elemByW"
	default:
		n, err := strconv.Atoi(r.elem)
		if err != nil {
			return "", err
		}
		elem = strconv.Itoa((n + 7) / 8)
	}
	typ := "TypeNone"
	if r.typ != "" {
		typ = "Type" + strings.ToUpper(r.typ)
	}
	key := strings.Join(ops, ",\n")
	start, ok := t.ops[key]
	if !ok {
		start = len(t.pool)
		t.pool = append(t.pool, ops...)
		t.ops[key] = start
	}
	class := ""
	for _, x := range strings.Split(r.class, ".") {
		class += title(x)
	}
	index(&t.sets, r.set)
	return fmt.Sprintf("{%#x, %s, %d, %d, %d, %d, %s, %s, %s, %s, %s, isa.%s, Ext%s}", r.mask(), strings.Join(at, "|"),
		index(&t.mnems, r.mnem), start, index(&t.flags, strings.Join(r.flags, ",")), len(ops), imm, elem, tuple, cf, typ,
		class, title(r.set)), nil
}

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// operand is the literal of "loc.width:access", in parentheses if implicit.
func (t *tables) operand(o string) (lit, loc string, err error) {
	sup := false
	if o[0] == '(' {
		sup = true
		o = o[1 : len(o)-1]
	}
	i := strings.LastIndexByte(o, ':')
	j := strings.LastIndexByte(o[:max(i, 0)], '.')
	if j < 0 {
		return "", "", fmt.Errorf("operand %q", o)
	}
	loc, acc := o[:j], accNames[o[i+1:]]
	wm, wr, two := strings.Cut(o[j+1:i], "/")
	if !two {
		wr = wm
	}
	var w [2]string
	for k, x := range []string{wm, wr} {
		switch {
		case x == "-":
			w[k] = "WNone"
		case slices.Contains(widthNames, x):
			w[k] = "W" + x
		default:
			return "", "", fmt.Errorf("width %q", x)
		}
	}
	name, arg := "", "0"
	switch {
	case loc[0] == '=':
		name = "LFix"
		arg, err = t.register(loc[1:])
	case loc[0] == '@':
		name = "LAddr"
		arg, err = t.register(loc[1:])
	case loc[0] == '[':
		name, arg = "LImem", imemNames[loc]
	case loc == "push":
		name = "LPush"
	case loc == "pop":
		name = "LPop"
	case slices.Contains(locNames, loc):
		name = "L" + loc
	}
	if err == nil && (name == "" || acc == "" || arg == "") {
		err = fmt.Errorf("operand %q", o)
	}
	return fmt.Sprintf("{%s, %s, %s, %s, %s, %v}", name, acc, w[0], w[1], arg, sup), loc, err
}

// register is the index in fixTab of a register by name.
func (t *tables) register(s string) (string, error) {
	var v string
	if i := slices.Index(gprNames, s); i >= 0 {
		v = fmt.Sprintf("{CGPR, %d}", i)
	} else if n, ok := strings.CutPrefix(s, "xmm"); ok {
		v = "{CVec, " + n + "}"
	} else if n, ok := strings.CutPrefix(s, "st"); ok {
		v = "{CST, " + n + "}"
	} else if s == "ah" {
		v = "{CGPRH, 4}"
	} else if m, ok := miscNames[s]; ok {
		v = "{CMisc, " + m + "}"
	} else {
		return "", fmt.Errorf("register %q", s)
	}
	return strconv.Itoa(index(&t.fixed, v)), nil
}

// flagLit is the literal of a flag effect like "w:PZS,u:A,0:CO,may".
func flagLit(f string) (string, error) {
	var v [5]uint32
	may := false
	for _, p := range strings.Split(f, ",") {
		if p == "may" {
			may = true
		}
		k, s, ok := strings.Cut(p, ":")
		if !ok {
			continue
		}
		i := strings.Index("rwu01", k)
		for _, c := range s {
			if flagBits[c] == 0 {
				return "", fmt.Errorf("flag %q", c)
			}
			v[i] |= flagBits[c]
		}
	}
	return fmt.Sprintf("{%#x, %#x, %#x, %#x, %#x, %v}", v[0], v[1], v[2], v[3], v[4], may), nil
}
