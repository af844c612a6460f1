package debuginfo

import (
	"strconv"
	"strings"

	"github.com/ianlancetaylor/demangle"
)

// Demangle shows a C++ or Rust symbol as Valgrind does; other names stay as they are. A version ("@@GLIBCXX_3.4") stays at
// the end.
func Demangle(raw string) string {
	if !strings.HasPrefix(raw, "_Z") && !strings.HasPrefix(raw, "_R") {
		return raw
	}
	name, version := raw, ""
	if at := strings.IndexByte(raw, '@'); at > 0 {
		name, version = raw[:at], raw[at:]
	}
	if s, ok := rustLegacy(name); ok {
		return s + version
	}
	if s, ok := demangled(name); ok {
		return s + version
	}
	return raw
}

// maxMangled bounds what is demangled: shown names grow exponentially with back references.
const maxMangled = 1 << 14

func demangled(name string) (s string, ok bool) {
	if len(name) > maxMangled {
		return "", false
	}
	// 2^16 characters: longer names are of no use to a reader.
	a, err := demangle.ToAST(name, demangle.NoRust)
	if err != nil {
		s, err := demangle.ToString(name, demangle.MaxLength(16))
		return s, err == nil && s != "" // a Rust name may have a type only
	}
	if c := a.Copy(likeBinutils, func(demangle.AST) bool { return false }); c != nil {
		a = c
	}
	s = demangle.ASTToString(a, demangle.MaxLength(16))
	// What an empty argument pack left behind (see likeBinutils).
	return strings.ReplaceAll(s, ", >", ">"), true
}

// likeBinutils changes a node so that it prints as by the demangler of binutils and Valgrind; nil keeps it.
func likeBinutils(n demangle.AST) demangle.AST {
	switch n := n.(type) {
	case *demangle.Constructor:
		// An inheriting constructor is named after the base class that it comes from.
		if n.Base != nil {
			return &demangle.Constructor{Name: lastName(n.Base)}
		}
	case *demangle.Template:
		// After an empty pack that ends a list there is no space between closing brackets: "A<B<C>>" instead of
		// "A<B<C> >". An empty name in its place, a comma in front that is removed later, has this effect.
		last := len(n.Args) - 1
		if last < 1 {
			return nil
		}
		if p, ok := n.Args[last].(*demangle.ArgumentPack); ok && len(p.Args) == 0 {
			args := append([]demangle.AST(nil), n.Args...)
			args[last] = &demangle.Name{}
			return &demangle.Template{Name: n.Name, Args: args}
		}
	}
	return nil
}

// lastName is the unqualified name of a class without its template arguments.
func lastName(a demangle.AST) demangle.AST {
	for {
		switch n := a.(type) {
		case *demangle.Qualified:
			a = n.Name
		case *demangle.Template:
			a = n.Name
		default:
			return a
		}
	}
}

// rustLegacy demangles Rust's older scheme: an Itanium nested name whose last part is "h" and 16 hexadecimal digits, with
// escapes in the identifiers.
func rustLegacy(name string) (string, bool) {
	rest, ok := strings.CutPrefix(name, "_ZN")
	if !ok {
		return "", false
	}
	end := strings.LastIndex(rest, "17h")
	if end < 0 || len(rest) < end+20 || rest[end+19] != 'E' {
		return "", false
	}
	for _, c := range []byte(rest[end+3 : end+19]) {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return "", false
		}
	}
	rest = rest[:end]
	var b strings.Builder
	for rest != "" {
		i := 0
		for i < len(rest) && rest[i] >= '0' && rest[i] <= '9' {
			i++
		}
		n, err := strconv.Atoi(rest[:i])
		if err != nil || n == 0 || n > len(rest)-i {
			return "", false
		}
		if b.Len() > 0 {
			b.WriteString("::")
		}
		rustIdent(&b, rest[i:i+n])
		rest = rest[i+n:]
	}
	return b.String(), b.Len() > 0
}

// rustEscapes are the named escapes between dollar signs; "uXX" stands for a character by its code.
var rustEscapes = map[string]string{"SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ","}

func rustIdent(b *strings.Builder, id string) {
	if strings.HasPrefix(id, "_$") {
		id = id[1:]
	}
	for id != "" {
		if strings.HasPrefix(id, "..") {
			b.WriteString("::")
			id = id[2:]
			continue
		}
		if id[0] == '$' {
			if end := strings.IndexByte(id[1:], '$'); end > 0 {
				word := id[1 : 1+end]
				if s, ok := rustEscapes[word]; ok {
					b.WriteString(s)
					id = id[end+2:]
					continue
				}
				if c, err := strconv.ParseUint(strings.TrimPrefix(word, "u"), 16, 32); word[0] == 'u' && err == nil {
					b.WriteRune(rune(c))
					id = id[end+2:]
					continue
				}
			}
		}
		b.WriteByte(id[0])
		id = id[1:]
	}
}
