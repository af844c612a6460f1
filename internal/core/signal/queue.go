package signal

// queue holds pending signals in order of arrival.
type queue struct {
	set   Set
	infos []Info
}

// add appends info by the kernel's rule: a standard signal that is pending already is dropped.
func (q *queue) add(info Info) bool {
	sig := info.Signo()
	if sig < SIGRTMIN && q.set.Has(sig) {
		return false
	}
	q.set |= SetOf(sig)
	q.infos = append(q.infos, info)
	return true
}

// take removes and returns the oldest entry of sig.
func (q *queue) take(sig int) Info {
	for i := range q.infos {
		if q.infos[i].Signo() == sig {
			return q.takeAt(i)
		}
	}
	panic("signal: the set of a queue names a signal that the queue does not hold")
}

func (q *queue) takeAt(i int) Info {
	info := q.infos[i]
	if i == 0 {
		q.infos = q.infos[1:] // thousands may be waiting
	} else {
		q.infos = append(q.infos[:i], q.infos[i+1:]...)
	}
	sig := info.Signo()
	for j := range q.infos {
		if q.infos[j].Signo() == sig {
			return info
		}
	}
	q.set &^= SetOf(sig)
	return info
}

// drop removes all entries of the signals in s.
func (q *queue) drop(s Set) {
	if q.set&s == 0 {
		return
	}
	kept := q.infos[:0]
	for i := range q.infos {
		if !s.Has(q.infos[i].Signo()) {
			kept = append(kept, q.infos[i])
		}
	}
	q.infos = kept
	q.set &^= s
}

func (q *queue) clear() { *q = queue{} }

// pick removes the signal of set want that comes first: a synchronous one, else the lowest number.
func (q *queue) pick(want Set) (Info, bool) {
	s := q.set & want
	if s == 0 {
		return Info{}, false
	}
	if s&synchronous != 0 {
		s &= synchronous
	}
	return q.take(s.First()), true
}

// pickFault removes the oldest signal of set want that an instruction of the thread caused.
func (q *queue) pickFault(want Set) (Info, bool) {
	if q.set&want&synchronous == 0 {
		return Info{}, false
	}
	for i := range q.infos {
		sig := q.infos[i].Signo()
		if q.infos[i].FromKernel() && (want & synchronous).Has(sig) {
			return q.takeAt(i), true
		}
	}
	return Info{}, false
}

// Queue makes a signal for the process pending and wakes a thread that can take it.
func (p *Process) Queue(info Info) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.threads) == 0 {
		return
	}
	if p.prepare(p.threads[0], info.Signo()) && p.pending.add(info) {
		p.offer(SetOf(info.Signo()), nil)
	}
}

// Queue makes a signal for thread t pending and wakes t if it can take it.
func (t *Thread) Queue(info Info) {
	p := t.p
	p.mu.Lock()
	defer p.mu.Unlock()
	t.queue(info)
}

func (t *Thread) queue(info Info) {
	sig := info.Signo()
	if t.p.prepare(t, sig) && t.pending.add(info) && !t.shut().Has(sig) {
		t.p.host.Wake(t)
	}
}

// Force queues a signal that t's own instruction caused and that must not be held back: when t blocks or the process
// ignores it, it gets the default action, which ends the process. fault is what the CPU reported.
func (t *Thread) Force(info Info, fault Fault) {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	t.fault = fault
	t.force(info, false)
}

// force is Force without a new fault; fatal takes the handler away, too. mu is held.
func (t *Thread) force(info Info, fatal bool) {
	sig := info.Signo()
	d := &t.p.actions[sig]
	if blocked := t.mask.Has(sig); blocked || fatal || d.Handler == SIG_IGN {
		d.Handler = SIG_DFL
		t.p.host.SetAction(sig, t.p.kernelAction(sig))
		t.setMask(t.mask &^ SetOf(sig))
	}
	t.queue(info)
}

// prepare does what the arrival of a signal does apart from queueing it, and reports whether it is to be queued: stop
// signals and SIGCONT cancel each other, and an ignored signal is dropped unless t, which stands for all threads when
// the signal is for the process, blocks it and so may still change its mind. mu is held.
func (p *Process) prepare(t *Thread, sig int) bool {
	switch {
	case stopping.Has(sig):
		p.drop(SetOf(SIGCONT))
	case sig == SIGCONT:
		p.drop(stopping)
	}
	if t.mask.Has(sig) {
		return true
	}
	return !p.actions[sig].ignores(sig)
}

// drop discards the signals of s from all queues. mu is held.
func (p *Process) drop(s Set) {
	p.pending.drop(s)
	for _, t := range p.threads {
		t.pending.drop(s)
	}
}

// offer wakes, for each signal of s that is pending for the process, the first thread other than not that lets it
// through. The kernel too prefers the main thread. mu is held.
func (p *Process) offer(s Set, not *Thread) {
	for ; s != 0; s &= s - 1 {
		for _, t := range p.threads {
			if t != not && !t.shut().Has(s.First()) {
				p.host.Wake(t)
				break
			}
		}
	}
}

// dequeue takes the next signal of want for t. mu is held.
func (t *Thread) dequeue(want Set) (Info, bool) {
	if info, ok := t.pending.pickFault(want); ok {
		return info, true
	}
	if info, ok := t.pending.pick(want); ok {
		return info, true
	}
	return t.p.pending.pick(want)
}

// Ready reports whether Next would look at a signal, or t waits for one that is there.
func (t *Thread) Ready() bool {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	return t.ready()
}

func (t *Thread) ready() bool { return (t.pending.set|t.p.pending.set)&^t.shut() != 0 }

// shut are the signals that t neither lets through nor waits for. mu is held.
func (t *Thread) shut() Set { return t.mask &^ t.waiting }

// Next takes the next signal that t must act on: SIGKILL, then those that its own instruction caused, then its own
// queue before the process's, lowest number first. Ignored signals are dropped on the way. With SA_RESETHAND the
// disposition is the default from now on. When there is nothing (ok is false), the mask that sigsuspend or
// SetTempMask replaced is back; signals that it lets through are for another call, as a system call that is made again
// for want of a handler is made again before them. Host.Wake says so.
func (t *Thread) Next() (info Info, act Action, ok bool) {
	p := t.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if (t.pending.set | p.pending.set).Has(SIGKILL) {
		info, _ = t.dequeue(SetOf(SIGKILL))
		return info, Action{Kind: Terminate}, true
	}
	for {
		info, ok = t.dequeue(^t.mask)
		if !ok {
			t.restoreMask()
			return Info{}, Action{}, false
		}
		sig := info.Signo()
		d := &p.actions[sig]
		switch {
		case d.ignores(sig):
			continue
		case d.Handler == SIG_DFL:
			return info, Action{Kind: defaultKind(sig)}, true
		}
		act = Action{Kind: Handle, Disposition: *d}
		if d.Flags&SA_RESETHAND != 0 {
			d.Handler = SIG_DFL
			p.host.SetAction(sig, p.kernelAction(sig))
		}
		return info, act, true
	}
}
