package amd64

// Export helpers for the generators/verifiers.
func NumRows() int     { return len(rows) }
func RowAt(i int) *Row { return &rows[i] }

type SlotInfo struct {
	Space, Map, Op int
	Rows           []int
}

func Slots() (r []SlotInfo) {
	for sp := range slotOf {
		for mp := range slotOf[sp] {
			s := int(slotOf[sp][mp])
			if s < 0 {
				continue
			}
			for op := 0; op < 256; op++ {
				si := s<<8 | op
				if slotIdx[si] == 0 {
					continue
				}
				x := SlotInfo{Space: sp, Map: mp, Op: op}
				for i := 0; i < int(slotCnt[si]); i++ {
					x.Rows = append(x.Rows, int(slotIdx[si])-1+i)
				}
				r = append(r, x)
			}
		}
	}
	return
}

func (r *Row) Name() string    { return mnemStr[mnemOff[r.Mnem]:mnemOff[r.Mnem+1]] }
func (r *Row) OpsOf() []OpDesc { return opPool[r.Ops : int(r.Ops)+int(r.NOps)] }

// ImemRegs lists the address registers of an implicit memory operand.
func ImemRegs(i uint8) []uint8 {
	switch imemTab[i] {
	case "[es:rdi]", "[rdi]":
		return []uint8{7}
	case "[rsi]":
		return []uint8{6}
	case "[rbx+al]":
		return []uint8{3, 0}
	case "[rbp]":
		return []uint8{5}
	case "[rax]":
		return []uint8{0}
	}
	return nil
}
