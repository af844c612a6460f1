package signal

import (
	"sync"
	"sync/atomic"
	"testing"
)

// quietHost keeps nothing, so that several threads may use it.
type quietHost struct{ fakeHost }

func (quietHost) SetMask(*Thread, Set)        {}
func (quietHost) SetAction(int, KernelAction) {}
func (quietHost) Wake(*Thread)                {}

// No real-time signal is lost or seen twice while threads send, take and block them.
func TestQueuesUnderLoad(t *testing.T) {
	const senders, takers, each = 4, 4, 2000
	p := NewProcess(&fakeMem{}, &quietHost{}, 0, 0)
	p.exchange(40, Disposition{Handler: 0x4000}, true)
	var threads []*Thread
	for i := range takers {
		threads = append(threads, p.NewThread(&fakeThread{id: i}, 0))
	}
	var taken atomic.Int64
	var send, take sync.WaitGroup
	stop := make(chan struct{})
	for i, th := range threads {
		take.Go(func() {
			for stopping := false; ; {
				if _, _, ok := th.Next(); ok {
					taken.Add(1)
				} else if stopping {
					return
				}
				if i > 0 {
					th.SetTempMask(SetOf(40))
					th.RestoreMask()
				}
				select {
				case <-stop:
					stopping = true
				default:
				}
			}
		})
	}
	for i := range senders {
		send.Go(func() {
			for n := range each {
				if n%2 == 0 {
					p.Queue(NewInfo(40, SI_USER))
				} else {
					threads[i].Queue(NewInfo(40, SI_TKILL))
				}
			}
		})
	}
	send.Wait()
	close(stop)
	take.Wait()
	if n := taken.Load(); n != senders*each {
		t.Errorf("%d signals taken of %d", n, senders*each)
	}
}
