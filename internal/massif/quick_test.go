package massif

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// eventHeap is a heap with events that tests put there.
type eventHeap struct {
	fakeHeap
	events *[]tool.HeapEvent
}

func (h eventHeap) TakeEvents(f func([]tool.HeapEvent)) {
	f(*h.events)
	*h.events = nil
}

type eventHost struct {
	*fakeHost
	events []tool.HeapEvent
}

func (h *eventHost) Heap() tool.Heap { return eventHeap{fakeHeap{h: h.fakeHost}, &h.events} }

// TestQuick counts the same blocks by calls and by events, but for some calls of realloc in between. The results must be the same to the
// letter.
func TestQuick(t *testing.T) {
	for _, unit := range []string{unitBytes, unitInstructions} {
		t.Run(unit, func(t *testing.T) {
			var out [2]bytes.Buffer
			for quick := range 2 {
				b := newBench(t, "-time-unit="+unit, "-detailed-freq=3", "-max-snapshots=20")
				b.m.insts.Values = make([]uint64, 2)
				clock := b.m.insts.Values
				host := &eventHost{fakeHost: b.h}
				b.m.host = host
				q, ok := b.m.QuickHeap()
				if !ok || !q.AllocStacks || q.FreeStacks || !q.Events || q.Shadow != 0 {
					t.Fatalf("quick: %+v, %v", q, ok)
				}
				rng := rand.New(rand.NewPCG(1, 2))
				var live []tool.HeapBlock
				for range 500 {
					clock[rng.IntN(2)] += 100
					b.at(pcMalloc, []guest.Addr{pcMain, pcWrap, pcSkip}[rng.IntN(3)], pcMain)
					k := rng.IntN(max(1, len(live)))
					size := rng.Uint64N(100)
					e := tool.HeapEvent{Time: clock[0] + clock[1]}
					switch n := rng.IntN(10); {
					case n < 5 || len(live) == 0:
						blk := tool.HeapBlock{Addr: b.next, Size: size, Alloc: b.m.NewStack(b.h.t)}
						b.next += 0x1000
						live = append(live, blk)
						if e.Addr, e.Size, e.Stack = blk.Addr, blk.Size, blk.Alloc; quick == 1 {
							host.events = append(host.events, e)
						} else {
							b.m.Allocated(b.h.t, blk, false)
						}
					case n < 6 || n < 8 && quick == 0:
						live[k] = b.realloc(live[k], size, pcMain)
					case n < 8:
						was := live[k]
						b.at(pcMalloc, pcMain)
						live[k] = tool.HeapBlock{Addr: b.next, Size: size, Alloc: b.m.NewStack(b.h.t)}
						b.next += 0x10000
						for _, blk := range []tool.HeapBlock{was, live[k]} {
							e.Addr, e.Size, e.Stack = blk.Addr, blk.Size, blk.Alloc
							e.Kind = map[bool]tool.HeapEventKind{true: tool.HeapMoved, false: tool.HeapAllocated}[blk == was]
							host.events = append(host.events, e)
						}
					default:
						blk := live[k]
						live = append(live[:k], live[k+1:]...)
						if e.Addr, e.Size, e.Stack, e.Kind = blk.Addr, blk.Size, blk.Alloc, tool.HeapFreed; quick == 1 {
							host.events = append(host.events, e)
						} else {
							b.free(blk)
						}
					}
				}
				b.m.mu.Lock()
				if err := b.m.write(&out[quick]); err != nil {
					t.Fatal(err)
				}
				b.m.mu.Unlock()
			}
			if a, b := out[0].String(), out[1].String(); a != b || strings.Count(a, "snapshot=") < 10 {
				t.Errorf("by calls:\n%s\nby events:\n%s", a, b)
			}
		})
	}
	b := newBench(t, "-stacks=yes")
	if _, ok := b.m.QuickHeap(); ok {
		t.Error("quick with stacks")
	}
}

// TestQuickNothing: when the heap does not count, its calls need nobody, also while stacks do.
func TestQuickNothing(t *testing.T) {
	for _, c := range []struct {
		args []string
		ok   bool
	}{
		{[]string{"-heap=no"}, true},
		{[]string{"-heap=no", "-stacks=yes"}, true},
		{[]string{"-heap=no", "-pages-as-heap=yes"}, false},
		{[]string{"-stacks=yes"}, false},
	} {
		b := newBench(t, c.args...)
		b.m.host = &eventHost{fakeHost: b.h}
		if q, ok := b.m.QuickHeap(); ok != c.ok || q.Events || q.AllocStacks {
			t.Errorf("%v: %+v, %v", c.args, q, ok)
		}
	}
}
