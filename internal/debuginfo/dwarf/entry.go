package dwarf

import "fmt"

// tags of what variables are made of
const (
	tagArray        = 0x01
	tagClass        = 0x02
	tagEnumeration  = 0x04
	tagParameter    = 0x05
	tagLexicalBlock = 0x0b
	tagMember       = 0x0d
	tagPointer      = 0x0f
	tagReference    = 0x10
	tagStructure    = 0x13
	tagTypedef      = 0x16
	tagUnion        = 0x17
	tagSubrange     = 0x21
	tagBase         = 0x24
	tagConst        = 0x26
	tagVariable     = 0x34
	tagVolatile     = 0x35
	tagRestrict     = 0x37
	tagRvalueRef    = 0x42
	tagAtomic       = 0x47
)

// their attributes
const (
	atLocation     = 0x02
	atByteSize     = 0x0b
	atUpperBound   = 0x2f
	atCount        = 0x37
	atMemberLoc    = 0x38
	atDeclFile     = 0x3a
	atDeclLine     = 0x3b
	atFrameBase    = 0x40
	atType         = 0x49
	atLoclistsBase = 0x8c
)

// entry is an entry with the attributes that describing variables takes; form 0 marks those that it lacks.
type entry struct {
	off, next uint64 // where it and what follows its attributes are
	tag       uint16
	children  bool
	abstract  bool // stands for the inlined copies of a function

	name, typ, location, frameBase, origin, byteSize, upper, count, memberLoc, declFile, declLine, low, high, ranges, sibling value
}

// readEntry reads the entry at off. The zero tag ends a list of siblings.
func (u *unit) readEntry(off uint64) (e entry, err error) {
	info := u.data.prefix(".debug_info", u.end)
	c := NewCursor(info[:min(u.end, uint64(len(info)))], off)
	e.off = off
	code := c.Uleb()
	if c.Bad() {
		return e, fmt.Errorf("entry at %#x: %w", off, errCut)
	}
	if code == 0 {
		e.next = c.Pos()
		return e, nil
	}
	a := u.data.abbrevTable(u.abbrevOff).get(code)
	if a == nil {
		return e, fmt.Errorf("entry at %#x: abbreviation %d is missing", off, code)
	}
	e.tag, e.children = a.tag, a.children
	for _, f := range a.fields {
		p := e.attribute(f.attr)
		if p == nil {
			if f.attr == atInline {
				e.abstract = true
			}
			err = u.skip(&c, f)
		} else {
			*p, err = u.value(&c, f)
		}
		if err != nil {
			return e, fmt.Errorf("entry at %#x: %w", off, err)
		}
	}
	if c.Bad() {
		return e, fmt.Errorf("entry at %#x: %w", off, errCut)
	}
	e.next = c.Pos()
	return e, nil
}

// attribute is where the value of an attribute goes, nil for those of no interest.
func (e *entry) attribute(attr uint16) *value {
	switch attr {
	case atName:
		return &e.name
	case atType:
		return &e.typ
	case atLocation:
		return &e.location
	case atFrameBase:
		return &e.frameBase
	case atAbstractOrigin, atSpecification:
		return &e.origin
	case atByteSize:
		return &e.byteSize
	case atUpperBound:
		return &e.upper
	case atCount:
		return &e.count
	case atMemberLoc:
		return &e.memberLoc
	case atDeclFile:
		return &e.declFile
	case atDeclLine:
		return &e.declLine
	case atLowPC:
		return &e.low
	case atHighPC:
		return &e.high
	case atRanges:
		return &e.ranges
	case atSibling:
		return &e.sibling
	}
	return nil
}

// number is a constant attribute; DW_FORM_exprloc and references to other entries are none.
func (v value) number() (n uint64, ok bool) {
	switch v.form {
	case formData1, formData2, formData4, formData8, formSdata, formUdata, formImplicit:
		return v.u, true
	}
	return 0, false
}

// children calls f for the entries directly inside e, until it returns false.
func (u *unit) children(e *entry, f func(*entry) bool) {
	if !e.children {
		return
	}
	for off, more := e.next, true; more; {
		x, err := u.readEntry(off)
		if err != nil {
			u.warn(err)
			return
		}
		if x.tag == 0 {
			return
		}
		more = f(&x)
		var ok bool
		if off, ok = u.after(&x); !ok {
			return
		}
	}
}

// after is the offset of the sibling that follows e.
func (u *unit) after(e *entry) (off uint64, ok bool) {
	if !e.children {
		return e.next, true
	}
	if w, at := u.ref(e.sibling); w == u && at > e.off {
		return at, true
	}
	off = e.next
	for open := 1; open > 0; {
		x, err := u.readEntry(off)
		if err != nil {
			u.warn(err)
			return 0, false
		}
		w, at := u.ref(x.sibling)
		switch {
		case x.tag == 0:
			open--
		case x.children && w == u && at > x.off:
			off = at
			continue
		case x.children:
			open++
		}
		off = x.next
	}
	return off, true
}
