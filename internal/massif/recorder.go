package massif

import "math"

// usage is how much memory is in use.
type usage struct {
	heap   uint64 // bytes that the program asked for
	extra  uint64 // bytes that the allocator needs more
	stacks uint64
}

func (u usage) total() uint64 { return u.heap + u.extra + u.stacks }

// snapshot is the state at one moment.
type snapshot struct {
	time int64
	use  usage
	peak bool
	// detail are the places that the heap was allocated at, nil in plain snapshots.
	detail *detail
}

// recorder decides when a snapshot is taken and which ones are kept. The rules are those of Valgrind's manual and
// behaviour: all changes are recorded at first; when there is no more space for snapshots, those that tell the least are
// thrown away and new ones keep at least the distance of those that remain. Before memory is given back, a snapshot of
// a new peak is taken, of which only the highest counts as the peak.
type recorder struct {
	max          int     // --max-snapshots
	detailedFreq int     // --detailed-freq
	inaccuracy   float64 // --peak-inaccuracy
	detail       func() *detail

	snaps     []snapshot
	earliest  int64 // time of the next plain snapshot
	distance  int64 // least time between plain snapshots
	plain     int   // snapshots since the last detailed one
	peakTotal uint64
	limit     uint64 // bytes up to which there is no new peak
}

// normal takes a snapshot if it is time.
func (r *recorder) normal(now int64, u usage) {
	if now < r.earliest {
		return
	}
	r.take(snapshot{time: now, use: u}, r.plain == r.detailedFreq-1)
}

// isPeak reports whether u is a new peak.
func (r *recorder) isPeak(u usage) bool { return u.total() > r.limit }

// beforeFree takes a snapshot if the state, which is about to go, is a new peak.
func (r *recorder) beforeFree(now int64, u usage) {
	if !r.isPeak(u) {
		return
	}
	r.peakTotal = u.total()
	r.limit = r.peakTotal + uint64(float64(r.peakTotal)*r.inaccuracy/100)
	for i := range r.snaps {
		r.snaps[i].peak = false
	}
	r.take(snapshot{time: now, use: u, peak: true}, true)
}

func (r *recorder) take(s snapshot, detailed bool) {
	if detailed {
		s.detail = r.detail()
		r.plain = 0
	} else {
		r.plain++
	}
	r.snaps = append(r.snaps, s)
	if len(r.snaps) == r.max {
		r.cull()
	}
	r.earliest = s.time + r.distance
}

// cull throws half of the snapshots away, one after the other always the one whose neighbours are closest to each other
// in time, and finds the distance for new ones. The first snapshot, the last one and the peak stay.
func (r *recorder) cull() {
	for range r.max / 2 {
		victim, least := 0, int64(math.MaxInt64)
		for i := 1; i+1 < len(r.snaps); i++ {
			if span := r.snaps[i+1].time - r.snaps[i-1].time; !r.snaps[i].peak && span < least {
				victim, least = i, span
			}
		}
		r.snaps = append(r.snaps[:victim], r.snaps[victim+1:]...)
	}
	// Two neighbours that both had to stay don't count: their distance would stay while all others grow.
	r.distance = math.MaxInt64
	for i := 1; i < len(r.snaps); i++ {
		if r.keeps(i-1) && r.keeps(i) {
			continue
		}
		r.distance = min(r.distance, r.snaps[i].time-r.snaps[i-1].time)
	}
}

// keeps reports whether snapshot i can't be thrown away now.
func (r *recorder) keeps(i int) bool { return i == 0 || i == len(r.snaps)-1 || r.snaps[i].peak }

// peak is the index of the peak, -1 when there was none.
func (r *recorder) peak() int {
	for i := range r.snaps {
		if r.snaps[i].peak {
			return i
		}
	}
	return -1
}
