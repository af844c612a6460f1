package cachegrind

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"

	"gogrind/internal/guest"
	"gogrind/internal/options"
)

// settle moves what was counted for the runs that touch r to the places of their instructions, or throws it away while counting is off. mu is held.
func (c *Cachegrind) settle(r guest.Range) {
	if c.sim != nil {
		c.sim.mu.Lock()
		defer c.sim.mu.Unlock()
	}
	var executed tally
	if r == everything {
		executed.counts, executed.pieces = make([]count, 0, len(c.runs.lens)), make([]piece, 0, len(c.runs.all))
	}
	for i := 1; i < len(c.runs.all); {
		first := uint32(i)
		u := &c.runs.all[first]
		for i++; i < len(c.runs.all) && c.runs.all[i].first == u.first; i++ {
		}
		if u.pc >= r.End || u.pc < r.Start && u.pc+maxRun <= r.Start {
			continue
		}
		// The last instructions belong to the longest run only, those before to the next one, too, and so on.
		executed.begin(u.pc)
		n := uint64(0)
		for k := uint32(i) - 1; k >= first; k-- {
			n += c.take(k)
			shorter := uint8(0)
			if k > first {
				shorter = c.runs.all[k-1].n
			}
			if n != 0 {
				executed.add(&c.runs, &c.runs.all[k], shorter, int64(n))
			}
		}
		executed.end()
	}
	executed.each(func(pc guest.Addr, n int64) { c.places.counts(pc)[0] += n })
}

// take returns how often run k was executed, and clears the count. Of simulation it settles all that is. mu is held.
func (c *Cachegrind) take(k uint32) uint64 {
	u := &c.runs.all[k]
	times := atomic.SwapUint64(c.runs.value(k), 0) // other threads may be counting
	extra := uint64(0)
	if u.rep {
		extra = c.runs.rounds[k]
		delete(c.runs.rounds, k)
		if c.sim != nil {
			extra += c.sim.rounds[k]
			delete(c.sim.rounds, k)
		}
	}
	if c.sim != nil {
		c.sim.settle(&c.runs, k, times, c.on, c.places.counts)
	}
	if !c.on {
		return 0
	}
	return times + extra
}

// tally are counts by address: an address is part of many runs, and looking at what it belongs to takes long.
type tally struct {
	pieces []piece
	counts []count // of all pieces
}

// piece is code whose counts are t.counts[from:to], in the order of addresses.
type piece struct {
	pc       guest.Addr
	from, to int
}

type count struct {
	pc guest.Addr
	n  int64
}

// begin begins a piece of code at pc.
func (t *tally) begin(pc guest.Addr) {
	t.pieces = append(t.pieces, piece{pc: pc, from: len(t.counts)})
}

// add adds n for the instructions of run u behind its first skip ones. Those of a piece are added from behind.
func (t *tally) add(r *runs, u *run, skip uint8, n int64) {
	from := len(t.counts)
	pc := u.pc
	for i, l := range r.lens[u.first:][:u.n] {
		if i >= int(skip) {
			t.counts = append(t.counts, count{pc, n})
		}
		pc += guest.Addr(l)
	}
	slices.Reverse(t.counts[from:])
}

// end ends the piece.
func (t *tally) end() {
	p := &t.pieces[len(t.pieces)-1]
	if p.to = len(t.counts); p.from == p.to {
		t.pieces = t.pieces[:len(t.pieces)-1]
		return
	}
	slices.Reverse(t.counts[p.from:p.to])
}

// each calls f for each address with a count, in ascending order: neighbours mostly belong to the same place, and their debug
// information is found together.
func (t *tally) each(f func(pc guest.Addr, n int64)) {
	slices.SortFunc(t.pieces, func(a, b piece) int { return cmp.Compare(a.pc, b.pc) })
	var open, merged []count // of addresses from that of the piece on
	for _, p := range t.pieces {
		done := 0
		for ; done < len(open) && open[done].pc < p.pc; done++ {
			f(open[done].pc, open[done].n)
		}
		rest, next := open[done:], t.counts[p.from:p.to]
		merged = merged[:0]
		for len(rest) > 0 && len(next) > 0 {
			switch a, b := rest[0], next[0]; {
			case a.pc < b.pc:
				merged, rest = append(merged, a), rest[1:]
			case a.pc > b.pc:
				merged, next = append(merged, b), next[1:]
			default:
				merged, rest, next = append(merged, count{a.pc, a.n + b.n}), rest[1:], next[1:]
			}
		}
		merged = append(append(merged, rest...), next...)
		open, merged = merged, open
	}
	for _, x := range open {
		f(x.pc, x.n)
	}
}

// maxRun is more than the bytes of any run: 255 instructions of 19 bytes.
const maxRun = 5000

// outName is the name of the result file of this process.
func (c *Cachegrind) outName() (string, error) {
	x := options.Expander{PID: os.Getpid(), Dir: c.dir, Child: !c.host.FirstProcess()}
	return x.Expand("cachegrind-out-file", c.opts.outFile)
}

// write writes the profile to the file asked for, or when that fails to another place, and tells about it.
func (c *Cachegrind) write(suffix string) (name string, err error) {
	name, err = c.outName()
	name += suffix
	if err == nil {
		if err = writeFile(name, os.O_TRUNC, c.profile.Write); err == nil {
			return name, nil
		}
	}
	return c.elsewhere("result", name, fmt.Sprintf("cachegrind.out.%d", os.Getpid()), err, c.profile.Write)
}

// elsewhere writes what, which could not be written to the file of that name, to file base of another directory, and tells about it. The
// name it returns is "" if that is not possible, and cause then the error.
func (c *Cachegrind) elsewhere(what, name, base string, cause error, write func(io.Writer) error) (other string, err error) {
	log := c.report.Log()
	log.Userf("error: can't write the %s: %v", what, cause)
	for _, dir := range []string{c.dir, os.TempDir()} {
		if other = filepath.Join(dir, base); other == name {
			continue
		}
		if err := writeFile(other, os.O_EXCL, write); err == nil { // what is there under that name is not ours
			log.Userf("... the %s is in %s instead", what, other)
			return other, nil
		}
	}
	log.Userf("... so the %s is lost.", what)
	return "", cause
}

// defaultPprof is the name of the profile for pprof, beside the result.
const defaultPprof = "cachegrind.pprof.%p.pb.gz"

// noPprof as a value of --pprof means that none is written.
const noPprof = "no"

// writePprof writes the profile for pprof, with suffix behind its name, and returns the name, "" when there is none. result is the name
// of the result.
func (c *Cachegrind) writePprof(result, suffix string) string {
	x := options.Expander{PID: os.Getpid(), Dir: c.dir, Child: !c.host.FirstProcess()}
	var name string
	var err error
	switch c.opts.pprofFile {
	case noPprof:
		return ""
	case "":
		if st, err := os.Stat(result); err != nil || !st.Mode().IsRegular() {
			return "" // a device or pipe: nothing lies beside it
		}
		if name, err = x.Expand("pprof", defaultPprof); err == nil {
			name = filepath.Join(filepath.Dir(result), filepath.Base(name))
		}
	default:
		name, err = x.Expand("pprof", c.opts.pprofFile)
	}
	name += suffix
	if err == nil {
		if err = writeFile(name, os.O_TRUNC, c.pprof); err == nil {
			return name
		}
	}
	name, _ = c.elsewhere("profile for pprof", name, fmt.Sprintf("cachegrind.pprof.%d.pb.gz", os.Getpid()), err, c.pprof)
	return name
}

// writeFile writes a file of that name, opened with flag besides; one that could not be written in full is removed.
func writeFile(name string, flag int, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|flag, 0o666)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	if err = write(w); err == nil {
		err = w.Flush()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		if st, serr := os.Stat(name); serr == nil && st.Mode().IsRegular() {
			os.Remove(name)
		}
	}
	return err
}
