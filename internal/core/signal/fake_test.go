package signal

import (
	"time"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// fakeMem is guest memory of a few pieces; everything else faults.
type fakeMem []piece

type piece struct {
	at   guest.Addr
	data []byte
}

func (m *fakeMem) add(at guest.Addr, data []byte) { *m = append(*m, piece{at, data}) }

func (m *fakeMem) from(a guest.Addr) []byte {
	for _, p := range *m {
		if a >= p.at && a < p.at+guest.Addr(len(p.data)) {
			return p.data[a-p.at:]
		}
	}
	return nil
}

func (m *fakeMem) ReadMem(p []byte, a guest.Addr) int  { return copy(p, m.from(a)) }
func (m *fakeMem) WriteMem(p []byte, a guest.Addr) int { return copy(m.from(a), p) }

// fakeHost records what was asked of it. block stands for what happens while a thread is blocked.
type fakeHost struct {
	masks   map[*Thread]Set
	actions [NSIG + 1]KernelAction
	woken   []*Thread
	held    Set
	block   func(t *Thread, timeout time.Duration)
	arrived bool
}

func (h *fakeHost) SetMask(t *Thread, m Set)            { h.masks[t] = m }
func (h *fakeHost) SetAction(sig int, a KernelAction)   { h.actions[sig] = a }
func (h *fakeHost) Wake(t *Thread)                      { h.woken = append(h.woken, t) }
func (h *fakeHost) Pending(*Thread) Set                 { return h.held }
func (h *fakeHost) Arrived(*Thread) bool                { return h.arrived }
func (h *fakeHost) Block(t *Thread, left time.Duration) { h.block(t, left) }

// Take blocks, with all signals in the guest's own queues.
func (h *fakeHost) Take(t *Thread, _ Set, left time.Duration) (Info, bool, bool) {
	start := time.Now()
	h.block(t, left)
	return Info{}, false, left >= 0 && time.Since(start) >= left && !t.Ready()
}

// fakeThread is a tool.Thread with signal state.
type fakeThread struct {
	id   int
	regs guest.Regs
	sig  *Thread
}

func (t *fakeThread) ID() int            { return t.id }
func (t *fakeThread) TID() int           { return 1000 + t.id }
func (t *fakeThread) Regs() *guest.Regs  { return &t.regs }
func (t *fakeThread) Stack() guest.Range { return guest.Range{} }
func (t *fakeThread) Signals() *Thread   { return t.sig }

var _ tool.Thread = (*fakeThread)(nil)

// world is a process with one thread and a page of memory at dataAddr.
type world struct {
	*Process
	mem  *fakeMem
	host *fakeHost
	main *fakeThread
	data []byte
}

const dataAddr guest.Addr = 0x100000

func newWorld() *world {
	w := &world{mem: &fakeMem{}, host: &fakeHost{masks: map[*Thread]Set{}}, data: make([]byte, guest.PageSize)}
	w.mem.add(dataAddr, w.data)
	w.Process = NewProcess(w.mem, w.host, 0, 0)
	w.main = &fakeThread{id: 1}
	w.main.sig = w.NewThread(w.main, 0)
	return w
}

// handle gives sig a handler at address h.
func (w *world) handle(sig int, h, flags uint64, mask Set) {
	w.exchange(sig, Disposition{Handler: h, Flags: flags | SA_RESTORER, Restorer: 0x7000, Mask: mask}, true)
}
