package core

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/sched"
	"gogrind/internal/core/syswrap"
	"gogrind/internal/report"
	"gogrind/internal/stack"
	"gogrind/internal/tool"
)

// descriptors remembers where the guest's descriptors come from (--track-fds). It is the engine's syswrap.Descriptors.
type descriptors struct {
	p *Process

	mu     sync.Mutex // guards all below
	order  uint64
	open   map[int]*descriptor
	closed map[int]*descriptor // the last of each number; only for --track-fds=bad
}

var _ syswrap.Descriptors = (*descriptors)(nil)

// descriptor is one open file of the guest.
type descriptor struct {
	fd     int
	order  uint64 // counts up from 0
	name   string // "" if the file has none
	thread int    // who opened it
	// opened and closed are where; opened is 0 for descriptors that the process was started with.
	opened, closed stack.ID
}

// trackDescriptors starts with the descriptors that the guest inherits; nil if they are not asked for.
func (p *Process) trackDescriptors() *descriptors {
	if p.opt.TrackFDs == "no" {
		return nil
	}
	d := &descriptors{p: p, open: map[int]*descriptor{}, closed: map[int]*descriptor{}}
	for _, fd := range p.openNow() {
		d.add(&descriptor{fd: fd, name: nameOf(fd)})
	}
	return d
}

// openNow are the guest's open descriptors in ascending order.
func (p *Process) openNow() []int {
	var fds []int
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		for fd := range p.firstFD { // no /proc
			if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
				fds = append(fds, fd)
			}
		}
		return fds
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd >= p.firstFD {
			continue
		}
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil { // not that of the directory itself
			fds = append(fds, fd)
		}
	}
	slices.Sort(fds)
	return fds
}

// nameOf is the name of the file that fd is open on, "" for pipes, sockets and their like.
func nameOf(fd int) string {
	name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil || !strings.HasPrefix(name, "/") {
		return ""
	}
	return name
}

// add makes f the descriptor of its number.
func (d *descriptors) add(f *descriptor) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f.order = d.order
	d.order++
	d.open[f.fd] = f
	delete(d.closed, f.fd)
}

// Opened implements syswrap.Descriptors.
func (d *descriptors) Opened(t tool.Thread, fd int, name string, copied bool) {
	if copied {
		name = nameOf(fd)
	}
	d.add(&descriptor{fd: fd, name: name, thread: t.ID(), opened: d.here(t)})
}

// Closed implements syswrap.Descriptors.
func (d *descriptors) Closed(t tool.Thread, fd int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.open[fd]
	delete(d.open, fd)
	if f != nil && d.p.opt.TrackFDs == "bad" {
		f.closed = d.here(t)
		d.closed[fd] = f
	}
}

// NotOpen implements syswrap.Descriptors: --track-fds=bad makes it a finding.
func (d *descriptors) NotOpen(t tool.Thread, call string, fd int) {
	if d.p.opt.TrackFDs != "bad" {
		return
	}
	d.mu.Lock()
	f := d.closed[fd]
	d.mu.Unlock()
	finding := report.Finding{Kind: "FdBadUse", Thread: t.ID(), Stack: uint32(d.here(t)), Text: fmt.Sprintf("Invalid file descriptor %d", fd)}
	switch {
	case f != nil && call == "close":
		finding.Kind, finding.Text = "FdBadClose", f.headline("File descriptor %d%s is already closed")
	case f != nil:
		finding.Text = f.headline("File descriptor %d%s was closed already")
	}
	if f != nil {
		finding.Aux = append(finding.Aux, report.Aux{Text: "Previously closed", Stack: uint32(f.closed)})
		if f.opened != 0 {
			finding.Aux = append(finding.Aux, report.Aux{Text: "Originally opened", Stack: uint32(f.opened)})
		}
	}
	d.p.report.Report(&finding)
}

// headline puts number and name into a text.
func (f *descriptor) headline(format string) string {
	name := f.name
	if name != "" {
		name = ": " + name
	}
	return fmt.Sprintf(format, f.fd, name)
}

// here is where t is.
func (d *descriptors) here(t tool.Thread) stack.ID {
	return d.p.stacks.Intern(d.p.callers(t.(*sched.Thread)))
}

// list are the open descriptors, the latest first. What the kernel knows counts: a descriptor may have come and gone unseen.
func (d *descriptors) list() []*descriptor {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []*descriptor
	for _, fd := range d.p.openNow() {
		f := d.open[fd]
		if f == nil {
			f = &descriptor{fd: fd, name: nameOf(fd)}
		}
		list = append(list, f)
	}
	slices.SortStableFunc(list, func(a, b *descriptor) int {
		if a.order != b.order {
			return int(b.order) - int(a.order)
		}
		return b.fd - a.fd
	})
	return list
}

// OpenFDs writes the list of open descriptors to the log; when ("at exit") ends its first line.
func (p *Process) OpenFDs(when string) {
	d := p.fds
	if d == nil || p.opt.TrackFDs == "bad" {
		return
	}
	const lastStandard = 2
	all := p.opt.TrackFDs == "all"
	list := d.list()
	standard := 0
	for _, f := range list {
		if f.fd <= lastStandard {
			standard++
		}
	}
	if p.opt.Quiet() && (len(list) == 0 || len(list) == standard && !all) {
		return
	}
	p.log.Userf("FILE DESCRIPTORS: %d open (%d std) %s.", len(list), standard, when)
	for _, f := range list {
		if f.fd <= lastStandard && !all {
			continue
		}
		text := f.describe()
		if f.opened == 0 {
			p.log.Userf("%s\n   <inherited from parent>\n\n", text)
			continue
		}
		pcs := p.stacks.Get(f.opened)
		if p.xml != nil {
			p.xml.Descriptor(f.thread, f.fd, f.name, text, p.report.Frames(pcs))
		}
		p.report.Message(0, text, pcs)
		p.log.Userf("")
	}
	p.log.Userf("")
}

// describe is the line about f: file name, or addresses of a socket.
func (f *descriptor) describe() string {
	if f.name != "" {
		return fmt.Sprintf("Open file descriptor %d: %s", f.fd, f.name)
	}
	if _, err := unix.GetsockoptInt(f.fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil {
		return fmt.Sprintf("Open file descriptor %d:", f.fd)
	}
	family, err := unix.GetsockoptInt(f.fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return fmt.Sprintf("Open socket %d:", f.fd)
	}
	switch family {
	case unix.AF_INET, unix.AF_INET6:
		peer := "unbound"
		if a, err := unix.Getpeername(f.fd); err == nil {
			peer = inetName(a)
		}
		own, _ := unix.Getsockname(f.fd)
		name := "AF_INET"
		if family == unix.AF_INET6 {
			name = "AF_INET6"
		}
		return fmt.Sprintf("Open %s socket %d: %s <-> %s", name, f.fd, inetName(own), peer)
	case unix.AF_UNIX:
		name := "<unknown>"
		if a, err := unix.Getsockname(f.fd); err == nil {
			if u, ok := a.(*unix.SockaddrUnix); ok && strings.HasPrefix(u.Name, "/") {
				name = u.Name
			}
		}
		return fmt.Sprintf("Open AF_UNIX socket %d: %s", f.fd, name)
	}
	return fmt.Sprintf("Open pf-%d socket %d:", family, f.fd)
}

// inetName is an address of a socket, "<unbound>" without a port.
func inetName(a unix.Sockaddr) string {
	var ip netip.Addr
	var port int
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		ip, port = netip.AddrFrom4(a.Addr), a.Port
	case *unix.SockaddrInet6:
		ip, port = netip.AddrFrom16(a.Addr), a.Port
	default:
		return "<unknown>"
	}
	if port == 0 {
		return "<unbound>"
	}
	return netip.AddrPortFrom(ip, uint16(port)).String()
}

// warnsOfDescriptors reports whether the tool is one that says something about impossible descriptors.
func (p *Process) warnsOfDescriptors() bool {
	title, _, _ := strings.Cut(p.tool.Info().Title, ",")
	_, ok := suppressTool(title)
	return ok && !p.opt.Quiet()
}
