package core

import (
	"net/netip"
	"os"
	"strings"

	"gogrind/internal/core/signal"
	"gogrind/internal/guest"
	"gogrind/internal/options"
	"gogrind/internal/report"
)

// target is where sink s, given by the options --name-fd, --name-file and --name-socket, leads to.
func (p *Process) target(name string, s options.Sink) (report.Target, error) {
	t := report.Target{FD: s.FD, Above: p.firstFD}
	switch s.Kind {
	case options.ToFile:
		p.names.Dir, _ = os.Getwd()
		p.names.PID = os.Getpid()
		p.names.Seq = &p.sequence
		file, err := p.names.Expand(name+"-file", s.Name)
		if err != nil {
			return t, err
		}
		t.File = file
	case options.ToSocket:
		t.Socket = s.Name
		var a netip.AddrPort
		a, err := options.ParseSocket(t.Socket)
		if err != nil {
			return t, err
		}
		t.Addr = a
	}
	return t, nil
}

// openXML begins the XML report, which replaces text about findings.
func (p *Process) openXML() error {
	title, _, _ := strings.Cut(p.tool.Info().Title, ",")
	if _, ok := suppressTool(title); !ok {
		p.log.Userf("Bad option: --xml=yes\n%s does not support XML output.\nUse --help for more information or consult the user manual.", title)
		p.opt.XML = false
		return nil
	}
	t, err := p.target("xml", p.opt.XMLSink)
	if err != nil {
		return err
	}
	if p.xml, err = report.OpenXML(t, os.Getpid(), p.log, title, p.threads.name); err != nil {
		return err
	}
	p.beginXML()
	return nil
}

func (p *Process) beginXML() {
	exe, _ := os.Executable()
	p.xml.Begin(&report.XMLHead{
		Tool: p.tool.Info().Name, Lines: p.banner(0).Lines(), Parent: os.Getppid(), Comment: p.opt.XMLComment,
		Exe: exe, Options: p.cmd.Options, Command: p.cmd.Args,
		Protocol: p.xmlProtocol(),
	})
}

// xmlProtocol is the protocol that was asked for. Without --xml-protocol it is the oldest that has what there may be to say.
func (p *Process) xmlProtocol() int {
	switch {
	case p.opt.XMLProtocol != 0:
		return p.opt.XMLProtocol
	case p.opt.TrackFDs != "no":
		return 5
	}
	return 4
}

// fatalXML reports a signal that ends the process.
func (p *Process) fatalXML(thread int, info signal.Info, pcs []guest.Addr) {
	f := report.FatalSignal{Thread: thread, Signal: info.Signo(), Name: signal.Name(info.Signo()), Code: int(info.Code())}
	if reason, addr := signal.Reason(info); reason != "" {
		f.Event, f.Addr = reason, uint64(addr)
	}
	p.xml.Fatal(&f, p.report.Frames(pcs))
}
