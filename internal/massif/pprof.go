package massif

import (
	"io"
	"os"
	"path/filepath"
	"time"

	"gogrind/internal/guest"
	"gogrind/internal/options"
	"gogrind/internal/profile"
	"gogrind/internal/profile/code"
)

// defaultProfile is the name of the profile, beside the native result.
const defaultProfile = "massif.pprof.%p.pb.gz"

// noProfile as a value of --pprof means that none is written.
const noProfile = "no"

// profileName is where the profile goes, "" for nowhere. native is where the native result is.
func (m *Massif) profileName(x *options.Expander, native string) (string, error) {
	switch m.opts.pprof {
	case noProfile:
		return "", nil
	case "":
		if st, err := os.Stat((&files{dir: m.dir}).path(native)); err != nil || !st.Mode().IsRegular() {
			return "", nil // a device or pipe: nothing lies beside it
		}
		return filepath.Join(filepath.Dir(native), spare(x, defaultProfile)), nil
	}
	return x.Expand("pprof", m.opts.pprof)
}

// highest is the detail of the highest use that is known, and the number of its snapshot. When memory was never given
// back after its peak, that is the end of the run.
func (m *Massif) highest() (*detail, int) {
	i := m.rec.peak()
	if i < 0 || m.rec.snaps[i].use.total() < m.use.total() {
		return m.contexts.capture(), len(m.rec.snaps) - 1
	}
	return m.rec.snaps[i].detail, i
}

// writeProfile writes the profile for go tool pprof. The caller holds mu.
func (m *Massif) writeProfile(w io.Writer) error {
	b := profile.New([]profile.Value{
		{Type: "alloc_objects", Unit: "count"}, {Type: "alloc_space", Unit: "bytes"},
		{Type: "inuse_objects", Unit: "count"}, {Type: "inuse_space", Unit: "bytes"},
	}, "inuse_space")
	b.Times(m.started, time.Since(m.started))
	code.Map(b, m.host, m.symbols)
	d, number := m.highest()
	sums := d.sums(len(m.contexts.list))
	label := map[string]int64{"snapshot": int64(number)}
	calls := map[guest.Addr]profile.Call{}
	for i := 1; i < len(m.contexts.list); i++ {
		x := &m.contexts.list[i]
		if x.all.blocks == 0 {
			continue
		}
		stack := make([]profile.Call, len(x.pcs))
		for j, pc := range x.pcs {
			c, ok := calls[pc]
			if !ok {
				c = code.Call(pc, m.contexts.resolved(pc))
				calls[pc] = c
			}
			stack[j] = c
		}
		live := sums[i]
		b.Add(stack, label, int64(x.all.blocks), int64(x.all.bytes), int64(live.blocks), int64(live.bytes))
	}
	return b.Write(w)
}
