package cachegrind

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gogrind/internal/cgfile"
	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/options"
)

// namedInst is where the counts of an instruction go.
type namedInst struct{ counts []int64 }

// settle moves what was counted for the runs that touch r to the profile, or throws it away while counting is off. mu is held.
func (c *Cachegrind) settle(r guest.Range) {
	names := map[guest.Addr]namedInst{}
	lookup := func(pc guest.Addr) []int64 {
		n, ok := names[pc]
		if !ok {
			n.counts = c.countsAt(pc)
			names[pc] = n
		}
		return n.counts
	}
	for i := 1; i < len(c.runs.all); i++ {
		k := uint32(i)
		u := &c.runs.all[k]
		if u.pc >= r.End || u.pc < r.Start && u.pc+maxRun <= r.Start {
			continue
		}
		v := c.runs.value(k)
		times := *v
		*v = 0
		if n := times + c.runs.rounds[k]; c.on && n != 0 {
			c.runs.eachInst(k, func(_ int, pc guest.Addr) { lookup(pc)[0] += int64(n) })
		}
		delete(c.runs.rounds, k)
		if c.sim != nil {
			c.sim.settle(c, k, times, c.on, lookup)
		}
	}
}

// maxRun is more than the bytes of any run: 255 instructions of 19 bytes.
const maxRun = 5000

// countsAt returns the counts of the line that the instruction at pc belongs to.
func (c *Cachegrind) countsAt(pc guest.Addr) []int64 {
	file, fn, line := cgfile.Unknown, cgfile.Unknown, 0
	frames := c.symbols.Frames(pc, nil)
	if len(frames) > 0 {
		in, out := &frames[0], &frames[len(frames)-1]
		if out.Fn != "" {
			fn = out.Fn
		}
		if !c.core.ShowBelowMain && debuginfo.BelowMain(fn) {
			fn = "(below main)"
		}
		if in.File != "" {
			file, line = sourceName(in), in.Line
		}
	}
	return c.profile.Func(file, fn).At(line, len(c.profile.Events))
}

// sourceName is the name of a source file as results have it: directory and name as the compiler recorded them.
func sourceName(f *debuginfo.Frame) string {
	if f.Dir == "" || filepath.IsAbs(f.File) {
		return f.File
	}
	return f.Dir + "/" + f.File
}

// outName is the name of the result file of this process.
func (c *Cachegrind) outName() (string, error) {
	x := options.Expander{PID: os.Getpid(), Dir: c.dir}
	return x.Expand("cachegrind-out-file", c.opts.outFile)
}

// write writes the profile to the file asked for, or when that fails to another place, and tells about it.
func (c *Cachegrind) write() (name string, err error) {
	name, err = c.outName()
	if err == nil {
		if err = writeFile(name, c.profile); err == nil {
			return name, nil
		}
	}
	log := c.report.Log()
	log.Userf("error: can't write the result: %v", err)
	for _, dir := range []string{c.dir, os.TempDir()} {
		other := filepath.Join(dir, fmt.Sprintf("cachegrind.out.%d", os.Getpid()))
		if other == name {
			continue
		}
		if err2 := writeFile(other, c.profile); err2 == nil {
			log.Userf("... the result is in %s instead", other)
			return other, nil
		}
	}
	log.Userf("... so the result is lost.")
	return "", err
}

// writeFile writes p to a file of that name; a file that could not be written in full is removed.
func writeFile(name string, p *cgfile.Profile) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	err = errors.Join(p.Write(w), w.Flush(), f.Close())
	if err != nil {
		if st, serr := os.Stat(name); serr == nil && st.Mode().IsRegular() {
			os.Remove(name)
		}
	}
	return err
}
