package redir

import "strings"

// Replacement is what a symbol of the guest's own says about the functions that it stands in for (valgrind.h, I_WRAP_SONAME_FNNAME_ZU
// and its relatives): "_vgw00000ZU_libcZdsoZa_malloc".
type Replacement struct {
	Wrap bool // the function that is replaced is called by this one
	// Tag and Priority decide between replacements of one function: with the same tag, not 0, the higher priority counts;
	// otherwise the first one found.
	Tag, Priority int
	Soname, Func  string // patterns of '*' and '?'; the soname of objects that have none is "NONE"
}

const tagDigits = 4

// namePrefix begins the names that ParseName takes apart.
const namePrefix = "_vg"

// ParseName decodes the name of a symbol; ok is false for names of other symbols and for damaged ones.
func ParseName(name string) (r Replacement, ok bool) {
	const fixed = len("_vgw00000ZU_")
	if len(name) < fixed || name[:3] != namePrefix || name[3] != 'r' && name[3] != 'w' || name[9] != 'Z' || name[11] != '_' {
		return r, false
	}
	r.Wrap = name[3] == 'w'
	for _, c := range name[4 : 4+tagDigits] {
		if c < '0' || c > '9' {
			return Replacement{}, false
		}
		r.Tag = 10*r.Tag + int(c-'0')
	}
	p := name[4+tagDigits]
	if p < '0' || p > '9' {
		return Replacement{}, false
	}
	r.Priority = int(p - '0')
	soname, fn, cut := strings.Cut(name[fixed:], "_")
	if !cut || soname == "" || fn == "" {
		return Replacement{}, false
	}
	if r.Soname, ok = decodeZ(soname); !ok {
		return Replacement{}, false
	}
	switch name[10] {
	case 'U':
		r.Func = fn
	case 'Z':
		if r.Func, ok = decodeZ(fn); !ok {
			return Replacement{}, false
		}
	default:
		return Replacement{}, false
	}
	return r, true
}

// zCodes are the letters behind a Z (pub_tool_redir.h).
var zCodes = map[byte]byte{
	'a': '*', 'p': '+', 'c': ':', 'd': '.', 'u': '_', 'h': '-', 's': ' ', 'A': '@', 'D': '$', 'L': '(', 'P': '%', 'R': ')', 'S': '/', 'Z': 'Z',
}

// decodeZ undoes the encoding of names that cannot be part of a symbol.
func decodeZ(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != 'Z' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i == len(s) {
			return "", false
		}
		c, ok := zCodes[s[i]]
		if !ok {
			return "", false
		}
		b.WriteByte(c)
	}
	return b.String(), true
}

// match matches s against a pattern of '*' and '?'.
func match(pat, s string) bool {
	star, mark, i := -1, 0, 0
	for j := 0; j < len(s); {
		switch {
		case i < len(pat) && pat[i] == '*':
			star, mark = i, j
			i++
		case i < len(pat) && (pat[i] == '?' || pat[i] == s[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pat[i:], "*") == ""
}
