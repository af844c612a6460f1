package cachegrind

// predictor predicts branches as processors of about 2004 did: the manual (Branch Simulation Specifics) tells the sizes.
type predictor struct {
	history uint32              // outcomes of the last conditional branches, the latest in bit 0
	taken   [condCounters]uint8 // saturating counters, 2 and 3 predict taken
	targets [indTargets]uint64  // of indirect branches
}

const (
	condCounters = 16384
	indTargets   = 512

	// historyBits of the outcome history are part of the index of a counter.
	historyBits = 7
)

// addressBits of a branch's address are the other part.
const addressBits = 14 - historyBits

// cond sees a conditional branch at pc being taken or not, and reports whether that was predicted wrongly.
func (p *predictor) cond(pc uint64, taken bool) bool {
	c := &p.taken[p.history&(1<<historyBits-1)<<addressBits|uint32(pc)&(1<<addressBits-1)]
	predicted := *c >= 2
	p.history <<= 1
	switch {
	case taken:
		p.history |= 1
		*c = min(*c+1, 3)
	case *c > 0:
		*c--
	}
	return predicted != taken
}

// jump sees an indirect jump or call at pc going to target, and reports whether that was predicted wrongly.
func (p *predictor) jump(pc, target uint64) bool {
	t := &p.targets[pc%indTargets]
	wrong := *t != target
	*t = target
	return wrong
}
