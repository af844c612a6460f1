package signal

// View is what /proc/PID/status says of a thread's signals. Pending and Shared are those in the queues here; the kernel holds
// others back for masks.
type View struct {
	Pending, Shared, Blocked Set
	Ignored, Caught          Set // explicitly ignored; with a handler
}

// View is t's state at this moment.
func (t *Thread) View() View {
	p := t.p
	p.mu.Lock()
	defer p.mu.Unlock()
	v := View{Pending: t.pending.set, Shared: p.pending.set, Blocked: t.mask}
	for sig := 1; sig <= NSIG; sig++ {
		switch p.actions[sig].Handler {
		case SIG_DFL:
		case SIG_IGN:
			v.Ignored |= SetOf(sig)
		default:
			v.Caught |= SetOf(sig)
		}
	}
	return v
}

// Blocked returns copies of the pending signals that t blocks, its own before those of the process.
func (t *Thread) Blocked() []Info {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	var infos []Info
	for _, q := range []*queue{&t.pending, &t.p.pending} {
		for _, info := range q.infos {
			if t.mask.Has(info.Signo()) {
				infos = append(infos, info)
			}
		}
	}
	return infos
}
