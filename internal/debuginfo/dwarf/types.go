package dwarf

import "strconv"

// maxTypes bounds the chain of types that a description follows: damaged input may hold cycles.
const maxTypes = 64

// strip passes over typedefs and qualifiers. It returns the type's unit and entry; ok is false when it can't be read.
func (u *unit) strip(typ value) (w *unit, e entry, ok bool) {
	for range maxTypes {
		var off uint64
		if w, off = u.ref(typ); w == nil || w.loadRoot() == nil {
			return nil, e, false
		}
		var err error
		if e, err = w.readEntry(off); err != nil {
			w.warn(err)
			return nil, e, false
		}
		switch e.tag {
		case tagTypedef, tagConst, tagVolatile, tagRestrict, tagAtomic:
			u, typ = w, e.typ
		default:
			return w, e, true
		}
	}
	return nil, e, false
}

// size is the number of bytes in a value of a type, 0 when it is not known.
func (u *unit) size(typ value) uint64 { return u.sizeAt(typ, 0) }

func (u *unit) sizeAt(typ value, depth int) uint64 {
	w, e, ok := u.strip(typ)
	if !ok || depth > maxTypes {
		return 0
	}
	if n, ok := e.byteSize.number(); ok {
		return n
	}
	switch e.tag {
	case tagPointer, tagReference, tagRvalueRef:
		return uint64(w.addrSize)
	case tagEnumeration:
		return w.sizeAt(e.typ, depth+1)
	case tagArray:
		n := w.sizeAt(e.typ, depth+1)
		for _, k := range w.dimensions(&e) {
			if k != 0 && n > 1<<62/k {
				return 0
			}
			n *= k
		}
		return n
	}
	return 0
}

// dimensions are the numbers of elements of an array, 0 where it is not known.
func (u *unit) dimensions(e *entry) (n []uint64) {
	u.children(e, func(x *entry) bool {
		if x.tag != tagSubrange {
			return true
		}
		k, ok := x.count.number()
		if up, is := x.upper.number(); !ok && is {
			if x.upper.form == formData4 && up == 1<<32-1 || up == 1<<64-1 { // an array of no elements
				up = ^uint64(0)
			}
			k = up + 1
		}
		n = append(n, k)
		return len(n) < maxTypes
	})
	return n
}

// member names the part of a value that byte off lies in, as far as it goes: ".field[3]". rest is the byte in that part.
// Unions and arrays of several dimensions are not looked into, nor are base classes.
func (u *unit) member(typ value, off uint64) (path string, rest uint64) {
	for range maxTypes {
		w, e, ok := u.strip(typ)
		if !ok {
			return path, off
		}
		switch e.tag {
		case tagStructure, tagClass:
			found := false
			w.children(&e, func(x *entry) bool {
				if x.tag != tagMember || x.memberLoc.form == 0 {
					return true
				}
				at, ok := w.offset(x.memberLoc)
				if !ok || off < at || off-at >= w.size(x.typ) {
					return true
				}
				name := w.str(x.name)
				if name == "" {
					name = "<anon_field>"
				}
				path += "." + name
				off -= at
				typ, found = x.typ, true
				return false
			})
			if !found {
				return path, off
			}
		case tagArray:
			dim, size := w.dimensions(&e), w.size(e.typ)
			if len(dim) != 1 || size == 0 || off/size >= dim[0] {
				return path, off
			}
			path += "[" + strconv.FormatUint(off/size, 10) + "]"
			off %= size
			typ = e.typ
		default:
			return path, off
		}
		u = w
	}
	return path, off
}

// offset is a member's place in its structure, which DWARF 2 and 3 give as an expression: DW_OP_plus_uconst n.
func (u *unit) offset(v value) (n uint64, ok bool) {
	if n, ok = v.number(); ok {
		return n, true
	}
	c := NewCursor(v.b, 0)
	if len(v.b) < 2 || c.U8() != opPlusUconst {
		return 0, false
	}
	n = c.Uleb()
	return n, !c.Bad() && c.Len() == 0
}
