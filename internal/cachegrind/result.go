package cachegrind

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
	for i := 1; i < len(c.runs.all); i++ {
		k := uint32(i)
		u := &c.runs.all[k]
		if u.pc >= r.End || u.pc < r.Start && u.pc+maxRun <= r.Start {
			continue
		}
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
		if n := times + extra; c.on && n != 0 {
			c.runs.eachInst(k, func(_ int, pc guest.Addr) { executed.add(pc, int64(n)) })
		}
		if c.sim != nil {
			c.sim.settle(&c.runs, k, times, c.on, c.places.counts)
		}
	}
	executed.each(func(pc guest.Addr, n int64) { c.places.counts(pc)[0] += n })
}

// tally are counts by address: an address is part of many runs, and looking at what it belongs to takes long.
type tally struct {
	pages map[guest.Addr]*[guest.PageSize]int64
	last  guest.Addr // page of the last address, and its counts
	page  *[guest.PageSize]int64
}

func (t *tally) add(pc guest.Addr, n int64) {
	if p := pc.PageDown(); t.page == nil || p != t.last {
		if t.pages == nil {
			t.pages = map[guest.Addr]*[guest.PageSize]int64{}
		}
		if t.last, t.page = p, t.pages[p]; t.page == nil {
			t.page = new([guest.PageSize]int64)
			t.pages[p] = t.page
		}
	}
	t.page[pc&(guest.PageSize-1)] += n
}

// each calls f for each address with a count, page by page.
func (t *tally) each(f func(pc guest.Addr, n int64)) {
	for p, counts := range t.pages {
		for i, n := range counts {
			if n != 0 {
				f(p+guest.Addr(i), n)
			}
		}
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
