package core

import (
	"fmt"
	"os"
	"strings"
	"sync"

	"gogrind/internal/tool"
)

// threadNames knows the names that the guest gave its threads, and hands on what the tool wants to know of threads. The kernel
// keeps the names; a thread that has the name it was born with, its parent's, was given none.
type threadNames struct {
	tool  tool.ThreadWatcher // nil when the tool does not watch
	ended func(t tool.Thread)

	mu      sync.Mutex
	threads map[int]threadName // by number; guarded by mu
}

type threadName struct {
	thread tool.Thread
	born   string
}

// ThreadCreated implements tool.ThreadWatcher.
func (n *threadNames) ThreadCreated(parent, child tool.Thread) {
	n.mu.Lock()
	if n.threads == nil {
		n.threads = map[int]threadName{}
	}
	n.threads[child.ID()] = threadName{child, comm(child.TID())}
	n.mu.Unlock()
	if n.tool != nil {
		n.tool.ThreadCreated(parent, child)
	}
}

// ThreadEnded implements tool.ThreadWatcher.
func (n *threadNames) ThreadEnded(t tool.Thread) {
	if n.tool != nil {
		n.tool.ThreadEnded(t)
	}
	if n.ended != nil {
		n.ended(t)
	}
	n.mu.Lock()
	delete(n.threads, t.ID())
	n.mu.Unlock()
}

// name is the name that thread number id was given, "" for none.
func (n *threadNames) name(id int) string {
	n.mu.Lock()
	t, ok := n.threads[id]
	n.mu.Unlock()
	if !ok {
		return ""
	}
	if now := comm(t.thread.TID()); now != t.born {
		return now
	}
	return ""
}

// comm is the kernel's name of a thread, "" without /proc.
func comm(tid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/comm", tid))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(b), "\n")
}
