package core

import (
	"fmt"
	"strings"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/unwind"
)

// dumpObject writes what is known of an object that has just been mapped, as far as options ask (--trace-symtab, --trace-cfi,
// --debug-dump=). It shows what we have understood, not what the file says: the first two at runtime addresses, the last, which stands
// beside the output of readelf, at link-time addresses.
func (p *Process) dumpObject(obj *debuginfo.Object) {
	o := p.opt
	if !o.TraceSymtab && !o.TraceCFI && !o.DumpSyms && !o.DumpLine && !o.DumpFrames || !skipped([]string{o.TraceSymPatt}, obj.Path) {
		return
	}
	var b strings.Builder
	if o.TraceSymtab {
		describeObject(&b, obj)
		listSymbols(&b, obj)
	}
	if o.DumpSyms {
		dumpSymbols(&b, obj)
	}
	if o.DumpLine {
		dumpLines(&b, obj)
	}
	if o.TraceCFI || o.DumpFrames {
		dumpFrames(&b, obj, p.unwind.Table(obj), o.TraceCFI, o.DumpFrames)
	}
	p.log.Raw(b.String())
}

func describeObject(b *strings.Builder, obj *debuginfo.Object) {
	soname := obj.Soname()
	if soname == "" {
		soname = "NONE"
	}
	fmt.Fprintf(b, "\n------ start ELF OBJECT ------\n------ name = %s\nsoname = %s\nbuild-id = %s\nbias %#x, text at %v\n",
		obj.Path, soname, obj.BuildID(), obj.Bias, obj.Text)
	for i, r := range obj.Segments() {
		fmt.Fprintf(b, "  [%d] avma %#x size %d\n", i, uint64(r.Start), r.Len())
	}
}

// listSymbols lists symbols at runtime addresses.
func listSymbols(b *strings.Builder, obj *debuginfo.Object) {
	b.WriteString("------ symbols ------\n")
	n := 0
	obj.Symbols(func(s debuginfo.Symbol) bool {
		fmt.Fprintf(b, "  [%4d]: %s 0x%016x .. 0x%016x (%d)  %s%s\n", n, symbolKind(s.Type), uint64(s.Addr), uint64(s.Addr)+max(s.Size, 1)-1, s.Size, s.Name, s.Version)
		n++
		return true
	})
	fmt.Fprintf(b, "------ end of %d symbols ------\n", n)
}

// symbolKind is "txt" for code and "dat" for all else.
func symbolKind(t debuginfo.SymType) string {
	if t == debuginfo.Func || t == debuginfo.IFunc {
		return "txt"
	}
	return "dat"
}

var (
	typeNames = map[debuginfo.SymType]string{debuginfo.NoType: "NOTYPE", debuginfo.Data: "OBJECT", debuginfo.Func: "FUNC",
		debuginfo.TLS: "TLS", debuginfo.IFunc: "IFUNC"}
	bindingNames = map[debuginfo.Binding]string{debuginfo.Local: "LOCAL", debuginfo.Global: "GLOBAL", debuginfo.Weak: "WEAK", debuginfo.Unique: "UNIQUE"}
)

// dumpSymbols lists symbols in the columns of readelf --syms that we know.
func dumpSymbols(b *strings.Builder, obj *debuginfo.Object) {
	fmt.Fprintf(b, "\nSymbols of %s:\n   Num:    Value          Size Type    Bind   Name\n", obj.Path)
	n := 0
	obj.Symbols(func(s debuginfo.Symbol) bool {
		fmt.Fprintf(b, "%6d: %016x %5d %-7s %-6s %s%s\n", n, s.Value, s.Size, typeNames[s.Type], bindingNames[s.Binding], s.Name, s.Version)
		n++
		return true
	})
}

// dumpLines lists line tables in the columns of readelf --debug-dump=decodedline.
func dumpLines(b *strings.Builder, obj *debuginfo.Object) {
	fmt.Fprintf(b, "\nDecoded line tables of %s:\n", obj.Path)
	file := ""
	obj.Lines(func(r debuginfo.LineRow) bool {
		name := r.File
		if r.Dir != "" {
			name = r.Dir + "/" + r.File
		}
		if name != file {
			file = name
			fmt.Fprintf(b, "\n%s:\nFile name                        Line number    Starting address\n", file)
		}
		fmt.Fprintf(b, "%-35s %9d %#19x\n", r.File, r.Line, r.Low)
		return true
	})
	b.WriteByte('\n')
}

// dumpFrames lists the rules for stack frames, at runtime addresses, link-time addresses or both.
func dumpFrames(b *strings.Builder, obj *debuginfo.Object, t *unwind.Table, runtime, linked bool) {
	list := func(head string, bias guest.Addr) {
		fmt.Fprintf(b, "\n%s %s:\n", head, obj.Path)
		last := ^uint64(0)
		t.Rows(func(r unwind.Row) bool {
			if r.Function != last {
				last = r.Function
				fmt.Fprintf(b, "function at %#x\n", r.Function+uint64(bias))
			}
			fmt.Fprintf(b, "  [%#x .. %#x]: %v\n", r.Start+uint64(bias), r.End+uint64(bias)-1, r.Rule)
			return true
		})
	}
	if runtime {
		list("Frame rules at runtime addresses of", guest.Addr(obj.Bias))
	}
	if linked {
		list("Frame rules of", 0)
	}
}
