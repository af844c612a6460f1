package main

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// row is one opcode form.
type row struct {
	space    byte // L legacy, V VEX, E EVEX, X XOP, 3 3DNow
	mp       int
	pp, w, l string // "*" any
	opc      int
	plus     string // digits of the register in the opcode, "" for none
	modrm    bool
	reg      string // digits, "*" any
	mod      string // "m", "r" or ""
	rm       string // digits or ""
	mnem     string
	ops      []string
	flags    []string
	attrs    map[string]bool
	elem     string // element size in bits that masks and broadcast use; "y" is 32 or 64 by W
	typ      string // element type of the result
	set      string
	class    string
}

// String spells the row in one line with everything explicit.
func (r *row) String() string {
	op := fmt.Sprintf("%c%d %s.%s.%s %02X", r.space, r.mp, r.pp, r.w, r.l, r.opc)
	if r.plus != "" {
		op += "+" + r.plus
	}
	if r.modrm {
		op += "/" + r.reg
	}
	for _, x := range []string{r.mod, r.rm} {
		if x != "" {
			op += "/" + x
		}
	}
	var at []string
	for a := range r.attrs {
		at = append(at, a)
	}
	if r.elem != "" {
		at = append(at, "e"+r.elem)
	}
	if r.typ != "" {
		at = append(at, "t:"+r.typ)
	}
	sort.Strings(at)
	return strings.Join([]string{op, r.mnem, dash(r.ops, " "), dash(r.flags, ","), dash(at, " "), r.set, r.class}, " | ")
}

func dash(l []string, sep string) string {
	if len(l) == 0 {
		return "-"
	}
	return strings.Join(l, sep)
}

var ppNames = map[string]bool{"np": true, "66": true, "F2": true, "F3": true, "!F3": true, "!REP": true, "!66": true,
	"f2": true, "f3": true, "f266": true, "f366": true}

var mapNames = map[string]int{"0F": 1, "0F38": 2, "0F3A": 3, "M5": 5, "M6": 6, "X8": 0, "X9": 1, "XA": 2}

// opcode parses the first column, "66 0F38 W0 L1 58 /r".
func (r *row) opcode(s string) error {
	r.pp, r.w, r.l = "*", "", ""
	f := strings.Fields(s)
	for i, t := range f {
		pps := strings.Split(t, "/")
		isPP := r.pp == "*" && r.mp == 0 && i < len(f)-1 && (i == 0 || f[0] == "VEX" && i == 1)
		for _, x := range pps {
			isPP = isPP && ppNames[x]
		}
		mp, isMap := mapNames[t]
		switch {
		case isPP:
			r.pp = t
		case isMap && i < len(f)-1 && r.mp == 0 && r.opc < 0:
			r.mp = mp
			if t[0] == 'X' {
				r.space = 'X'
			}
		case t == "VEX":
			r.space = 'V'
		case t == "3DNOW":
			r.space = '3'
		case t[0] == 'W':
			r.w = t[1:]
		case t[0] == 'L':
			r.l = t[1:]
		case t[0] == '/':
			if err := r.modRM(strings.Split(t[1:], ":")); err != nil {
				return err
			}
		case r.opc < 0:
			n, plus, _ := strings.Cut(t, "+")
			v, err := strconv.ParseUint(n, 16, 8)
			if err != nil {
				return fmt.Errorf("opcode %q", s)
			}
			r.opc, r.plus = int(v), plus
		default:
			return fmt.Errorf("opcode %q: %q", s, t)
		}
	}
	if r.opc < 0 {
		return fmt.Errorf("opcode %q", s)
	}
	return nil
}

// modRM parses "r", "digits", "r:m", "6:r:2".
func (r *row) modRM(p []string) error {
	r.modrm, r.reg = true, p[0]
	if p[0] == "r" {
		r.reg = "*"
	}
	for _, x := range p[1:] {
		switch {
		case x == "m" || x == "r":
			r.mod = x
		case x != "" && strings.Trim(x, "01234567") == "":
			r.rm = x
		default:
			return fmt.Errorf("ModRM %q", p)
		}
	}
	return nil
}

// row expands a line "opcode | mnemonic | operands | attributes | sets" to one row for each set.
func (p *parser) row(line string) error {
	c := strings.Split(line, "|")
	for len(c) < 5 {
		c = append(c, "")
	}
	for i := range c {
		c[i] = strings.TrimSpace(c[i])
	}
	if len(c) > 5 {
		return fmt.Errorf("%d columns", len(c))
	}
	sets := strings.Fields(c[4])
	if len(sets) == 0 {
		sets = []string{p.set}
	}
	shape, shaped := p.shapes[c[2]]
	legacy := false
	for _, s := range sets {
		name, _, _ := strings.Cut(s, ":")
		if err := p.checkSet(name); err != nil {
			return err
		}
		sp := p.sets[name]
		legacy = legacy || sp == "mmx" || sp == "sse" && !strings.HasPrefix(c[0], "VEX ")
	}
	for _, s := range sets {
		name, mods, _ := strings.Cut(s, ":")
		r := &row{space: 'L', opc: -1, mnem: c[1], set: name, class: p.class, attrs: map[string]bool{}}
		if err := r.opcode(c[0]); err != nil {
			return err
		}
		at := strings.Fields(c[3])
		if mods != "" {
			at = append(at, strings.Split(mods, ",")...)
		}
		sp := p.sets[name]
		if r.space == 'V' {
			sp = "vex"
		}
		if err := r.attributes(at); err != nil {
			return err
		}
		ops := c[2]
		if shaped {
			for i, n := range spaces {
				if n == sp {
					ops = shape[i]
				}
			}
			if ops == "" {
				return fmt.Errorf("shape %s has no operands for %s", c[2], sp)
			}
		}
		r.ops = strings.Fields(ops)
		r.derive(sp, legacy)
		p.rows = append(p.rows, r)
	}
	return nil
}

// attributes sorts the tokens of the attribute column into the row.
func (r *row) attributes(l []string) error {
	for _, a := range l {
		k, v, _ := strings.Cut(a, ":")
		src, dst, conv := strings.Cut(a, ">")
		switch {
		case a == "-":
		case strings.Contains("rwu01", k) && v != "" || a == "may":
			r.flags = append(r.flags, a)
		case k == "class":
			r.class = v
		case a[0] == 'w' && len(a) == 2:
			r.w = a[1:]
		case a[0] == 'l' && len(a) <= 3 && a[1] <= '9':
			r.l = a[1:]
		case conv:
			r.elem, r.typ = bitsOf(src), dst
		case bitsOf(a) != "":
			r.elem, r.typ = bitsOf(a), a
		case attrNames[a] != "" || k == "cf" || k == "n":
			r.attrs[a] = true
		default:
			return fmt.Errorf("attribute %q", a)
		}
	}
	return nil
}

// bitsOf is the size of an element type or "": "32" for f32; e32 stands for a size without type, y for 32 or 64 by W.
func bitsOf(t string) string {
	switch t {
	case "y":
		return "y"
	case "bf16":
		return "16"
	case "2f16":
		return "32"
	}
	if len(t) > 1 && strings.Contains("iufe", t[:1]) && t[1] >= '1' && t[1] <= '9' {
		return t[1:]
	}
	return ""
}

// derive fills in what follows from the space and the operands.
func (r *row) derive(space string, legacy bool) {
	has := func(locs ...string) bool {
		for _, o := range r.ops {
			for _, l := range locs {
				if strings.HasPrefix(o, l+".") {
					return true
				}
			}
		}
		return false
	}
	switch space {
	case "mmx":
		if r.pp == "66" {
			r.pp = "np"
		}
	case "sse":
		// No vector length: the whole vector is 16 bytes.
		for i, o := range r.ops {
			r.ops[i] = strings.Replace(o, ".x:", ".dq:", 1)
		}
		// Legacy vector instructions fault on unaligned 16-byte operands unless they say otherwise.
		for _, o := range r.ops {
			if !has("V") {
				break
			}
			if strings.HasPrefix(o, "M.dq") || strings.HasPrefix(o, "MU.dq:") || strings.HasPrefix(o, "MU.dq/") {
				r.attrs["align"] = !r.attrs["unal"]
			}
		}
	case "vex", "evex":
		if legacy {
			r.mnem = "V" + r.mnem
		}
		if r.space != 'X' {
			r.space = space[0] - 'a' + 'A'
		}
		if !has("H", "B", "KH") {
			r.attrs["novv"] = true
		}
	}
	if space == "evex" {
		if r.w == "" {
			r.w = map[string]string{"32": "0", "64": "1"}[r.elem]
		}
		first := r.ops[0]
		switch {
		case !has("KM"):
			r.attrs["nok"], r.attrs["noz"] = true, true
		case first[0] == 'K' || strings.HasPrefix(first, "M.") || has("MS"):
			r.attrs["noz"] = true
		}
	}
	if r.w == "" {
		r.w = "*"
	}
	if r.l == "" {
		r.l = "*"
	}
	if r.space == 'L' || r.space == '3' {
		r.l = "-"
	}
	delete(r.attrs, "unal")
	for a, on := range r.attrs {
		if !on {
			delete(r.attrs, a)
		}
	}
}
