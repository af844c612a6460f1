package memcheck

import (
	"fmt"

	"gogrind/internal/guest"
	"gogrind/internal/leak"
	"gogrind/internal/shadow"
	"gogrind/internal/tool"
)

// Client requests of memcheck.h and those of valgrind.h that are a heap tool's. The numbers are part of those headers'
// interface.
const (
	toolBase = uint32('M')<<24 | uint32('C')<<16

	reqMakeNoAccess    = toolBase
	reqMakeUndefined   = toolBase + 1
	reqMakeDefined     = toolBase + 2
	reqDiscard         = toolBase + 3
	reqCheckAddressed  = toolBase + 4
	reqCheckDefined    = toolBase + 5
	reqLeakCheck       = toolBase + 6
	reqCountLeaks      = toolBase + 7
	reqGetVbits        = toolBase + 8
	reqSetVbits        = toolBase + 9
	reqCreateBlock     = toolBase + 10
	reqDefinedIfAddr   = toolBase + 11
	reqCountLeakBlocks = toolBase + 12
	reqReportingOn     = toolBase + 13
	reqReportingOff    = toolBase + 14

	reqMallocLike    = 0x1301
	reqFreeLike      = 0x1302
	reqResizeInPlace = 0x130b
)

// notDone is the result of requests that mark memory; the headers use it as a handle for VALGRIND_DISCARD.
const notDone = ^uint64(0)

// Request implements tool.Requester.
func (m *Memcheck) Request(t tool.Thread, code uint32, args [5]uint64) (result uint64, handled bool) {
	r := guest.Range{Start: guest.Addr(args[0]), End: guest.Addr(args[0] + args[1])}
	switch code {
	case reqMakeNoAccess:
		m.shadow.MakeNoAccess(r)
		return notDone, true
	case reqMakeUndefined:
		m.shadow.MakeUndefined(r)
		if m.opts.origins {
			m.mark(r, origin{kind: originClient, stack: m.NewStack(t)})
		}
		return notDone, true
	case reqMakeDefined:
		m.shadow.MakeDefined(r)
		return notDone, true
	case reqDefinedIfAddr:
		m.shadow.MakeDefinedIfAddressable(r)
		return notDone, true
	case reqCheckAddressed:
		bad, is := m.shadow.FirstNoAccess(r)
		if !is {
			return 0, true
		}
		m.badRequest(t, "Unaddressable", bad)
		return uint64(bad), true
	case reqCheckDefined:
		bad, kind := m.shadow.Check(r)
		switch kind {
		case shadow.OK:
			return 0, true
		case shadow.Unaddressable:
			m.badRequest(t, "Unaddressable", bad)
		case shadow.Undef:
			m.reportUndefined(t, undefinedChecked, 0, "", bad, m.originAt(t, bad))
		}
		return uint64(bad), true
	case reqLeakCheck:
		m.leakRequest(t, args)
		return 0, true
	case reqCountLeaks, reqCountLeakBlocks:
		m.countLeaks(args, code == reqCountLeakBlocks)
		return 0, true
	case reqGetVbits:
		return m.getVbits(r.Start, guest.Addr(args[1]), args[2]), true
	case reqSetVbits:
		return m.setVbits(r.Start, guest.Addr(args[1]), args[2]), true
	case reqCreateBlock:
		return m.createBlock(t, r, args[2]), true
	case reqDiscard:
		return m.discardBlock(args[1]), true
	case reqReportingOn, reqReportingOff:
		return m.setReporting(r, code == reqReportingOn), true
	case reqMallocLike:
		m.mallocLike(t, r.Start, args[1], args[2], args[3] != 0)
		return 0, true
	case reqFreeLike:
		m.freeLike(t, r.Start)
		return 0, true
	case reqResizeInPlace:
		m.resizeInPlace(t, r.Start, args[2])
		return 0, true
	}
	return m.poolRequest(t, code, args)
}

// badRequest reports what a check request found.
func (m *Memcheck) badRequest(t tool.Thread, what string, a guest.Addr) {
	f := m.finding(t, "ClientCheck", "User", what+" byte(s) found during client check request")
	f.Fill = m.about(t, a)
	m.report.Report(f)
}

// Results of the V bit requests.
const (
	vbitsOK          = 1
	vbitsUnaddressed = 3
)

// getVbits copies the V bits of n bytes from from to to.
func (m *Memcheck) getVbits(from, to guest.Addr, n uint64) uint64 {
	if !m.addressable(from, n) || !m.addressable(to, n) {
		return vbitsUnaddressed
	}
	m.shadow.MakeDefined(guest.Range{Start: to, End: to + guest.Addr(n)})
	var buf [64]byte
	for n > 0 {
		v := buf[:min(n, uint64(len(buf)))]
		m.shadow.LoadV(v, from)
		m.host.Memory().WriteMem(v, to)
		from, to, n = from+guest.Addr(len(v)), to+guest.Addr(len(v)), n-uint64(len(v))
	}
	return vbitsOK
}

// setVbits sets the V bits of n bytes at to from the values at from.
func (m *Memcheck) setVbits(to, from guest.Addr, n uint64) uint64 {
	if !m.addressable(from, n) || !m.addressable(to, n) {
		return vbitsUnaddressed
	}
	var buf [64]byte
	for n > 0 {
		v := buf[:min(n, uint64(len(buf)))]
		m.host.Memory().ReadMem(v, from)
		m.shadow.StoreV(to, v, 0)
		from, to, n = from+guest.Addr(len(v)), to+guest.Addr(len(v)), n-uint64(len(v))
	}
	return vbitsOK
}

func (m *Memcheck) addressable(a guest.Addr, n uint64) bool {
	_, bad := m.shadow.FirstNoAccess(guest.Range{Start: a, End: a + guest.Addr(n)})
	return !bad
}

// named is a block that a client gave a description (VALGRIND_CREATE_BLOCK).
type named struct {
	r     guest.Range
	desc  string
	stack uint32
}

func (m *Memcheck) createBlock(t tool.Thread, r guest.Range, desc uint64) uint64 {
	if r.Empty() || desc == 0 {
		return notDone
	}
	var buf [256]byte
	n := m.host.Memory().ReadMem(buf[:], guest.Addr(desc))
	text := string(buf[:n])
	for i := range text {
		if text[i] == 0 {
			text = text[:i]
			break
		}
	}
	b := named{r, text, m.NewStack(t)}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.named {
		if m.named[i].r.Empty() {
			m.named[i] = b
			return uint64(i)
		}
	}
	m.named = append(m.named, b)
	return uint64(len(m.named) - 1)
}

// discardBlock forgets a block by its handle.
func (m *Memcheck) discardBlock(i uint64) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i >= uint64(len(m.named)) || m.named[i].r.Empty() {
		return 1
	}
	m.named[i] = named{}
	return 0
}

// setReporting switches reports of addresses in r on and off.
func (m *Memcheck) setReporting(r guest.Range, on bool) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	var keep []guest.Range
	for _, q := range m.silent {
		if q.Start < r.Start {
			keep = append(keep, guest.Range{Start: q.Start, End: min(q.End, r.Start)})
		}
		if q.End > r.End {
			keep = append(keep, guest.Range{Start: max(q.Start, r.End), End: q.End})
		}
	}
	if !on {
		keep = append(keep, r)
	}
	m.silent = keep
	return 1
}

// countLeaks stores the results of the last leak check to the addresses that args name: bytes, or blocks.
func (m *Memcheck) countLeaks(args [5]uint64, blocks bool) {
	m.mu.Lock()
	sum := m.lastLeaks
	m.mu.Unlock()
	// leaked, dubious, reachable, suppressed
	out := [4]leak.Total{
		{Bytes: sum.kind[leak.Definite].Bytes + sum.kind[leak.Indirect].Bytes,
			Blocks: sum.kind[leak.Definite].Blocks + sum.kind[leak.Indirect].Blocks},
		sum.kind[leak.Possible], sum.kind[leak.Reachable], sum.suppressed,
	}
	for i, v := range out {
		n := v.Bytes
		if blocks {
			n = v.Blocks
		}
		var b [8]byte
		for j := range b {
			b[j] = byte(n >> (8 * j))
		}
		a := guest.Addr(args[i])
		m.host.Memory().WriteMem(b[:], a)
		m.shadow.MakeDefinedIfAddressable(guest.Range{Start: a, End: a + 8})
	}
}

// describeNamed describes a by the named block that it lies in.
func (m *Memcheck) describeNamed(a guest.Addr) (text string, stack uint32, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.named {
		if b := &m.named[i]; b.r.Contains(a) {
			return fmt.Sprintf("Address %#x is %d bytes inside a %s of size %d client-defined",
				uint64(a), uint64(a-b.r.Start), b.desc, b.r.Len()), b.stack, true
		}
	}
	return "", 0, false
}
