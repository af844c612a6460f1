package syswrap

import (
	"fmt"
	"sync"

	"gogrind/internal/linux"
)

// Commands of devices whose arguments lead on to other memory: graphics (include/uapi/drm/drm.h, drm_mode.h), virtual machines
// (linux/kvm.h) and Xen (xen/privcmd.h, xen/evtchn.h, xen/gntdev.h). What their numbers say of size and direction is taken from there
// (guessIoctl), but for Xen's, which say no direction.

// array is memory that a field of an ioctl's argument points to, with the number of its elements in another field.
type array struct {
	name       string
	ptr, count uint64 // offsets of the fields
	wide       bool   // the count has 64 bits
	elem       uint64 // bytes of an element, 0: count is of bytes
	in         bool   // read by the kernel, else written
	// inline: the elements follow the argument at offset ptr.
	inline bool
}

// device is a command of one of these devices.
type device struct {
	name   string
	dir    kind // where the number does not say: kIn, kOut, kInOut; kSkip: it does
	size   uint64
	fd     bool // the result is a new descriptor
	arrays []array
	warn   string // what is not seen
}

const (
	drmType    = 'd'
	kvmType    = 0xae
	xenPrivcmd = 'P'
	xenEvtchn  = 'E'
	xenGntdev  = 'G'
)

// ids is an array of 32-bit numbers.
func ids(name string, ptr, count uint64) array {
	return array{name: name, ptr: ptr, count: count, elem: 4}
}

// devices by type and number of the command.
var devices = sync.OnceValue(func() map[[2]uint8]device {
	return map[[2]uint8]device{
		// Graphics.
		{drmType, 0x00}: {name: "DRM_VERSION", arrays: []array{{name: "name", ptr: 24, count: 16, wide: true}, {name: "date", ptr: 40, count: 32, wide: true},
			{name: "desc", ptr: 56, count: 48, wide: true}}},
		{drmType, 0x01}: {name: "DRM_GET_UNIQUE", arrays: []array{{name: "unique", ptr: 8, count: 0, wide: true}}},
		{drmType, 0xa0}: {name: "DRM_MODE_GETRESOURCES", arrays: []array{ids("fb_id", 0, 32), ids("crtc_id", 8, 36), ids("connector_id", 16, 40),
			ids("encoder_id", 24, 44)}},
		{drmType, 0xa2}: {name: "DRM_MODE_SETCRTC", arrays: []array{{name: "set_connectors", ptr: 0, count: 8, elem: 4, in: true}}},
		{drmType, 0xa7}: {name: "DRM_MODE_GETCONNECTOR", arrays: []array{ids("encoders", 0, 40), {name: "modes", ptr: 8, count: 32, elem: 68},
			ids("props", 16, 36), {name: "prop_values", ptr: 24, count: 36, elem: 8}}},
		{drmType, 0xaa}: {name: "DRM_MODE_GETPROPERTY", arrays: []array{{name: "values", ptr: 0, count: 56, elem: 8}, {name: "enum_blob", ptr: 8, count: 60, elem: 40}}},
		{drmType, 0xac}: {name: "DRM_MODE_GETPROPBLOB", arrays: []array{{name: "data", ptr: 8, count: 4}}},
		{drmType, 0xb1}: {name: "DRM_MODE_DIRTYFB", arrays: []array{{name: "clips", ptr: 16, count: 12, elem: 8, in: true}}},
		{drmType, 0xb5}: {name: "DRM_MODE_GETPLANERESOURCES", arrays: []array{ids("plane_id", 0, 8)}},
		{drmType, 0xb6}: {name: "DRM_MODE_GETPLANE", arrays: []array{ids("format_type", 24, 20)}},
		{drmType, 0xb9}: {name: "DRM_MODE_OBJ_GETPROPERTIES", arrays: []array{ids("props", 0, 16), {name: "prop_values", ptr: 8, count: 16, elem: 8}}},
		{drmType, 0xbd}: {name: "DRM_MODE_CREATEPROPBLOB", arrays: []array{{name: "data", ptr: 0, count: 8, in: true}}},
		// Virtual machines: what runs in them is opaque. Their memory is the program's mappings, which are defined from the start.
		{kvmType, 0x01}: {name: "KVM_CREATE_VM", fd: true},
		{kvmType, 0x41}: {name: "KVM_CREATE_VCPU", fd: true},
		{kvmType, 0xce}: {name: "KVM_GET_STATS_FD", fd: true},
		{kvmType, 0x02}: {name: "KVM_GET_MSR_INDEX_LIST", arrays: []array{{name: "indices", ptr: 4, count: 0, elem: 4, inline: true}}},
		{kvmType, 0x0a}: {name: "KVM_GET_MSR_FEATURE_INDEX_LIST", arrays: []array{{name: "indices", ptr: 4, count: 0, elem: 4, inline: true}}},
		{kvmType, 0x05}: {name: "KVM_GET_SUPPORTED_CPUID", arrays: []array{{name: "entries", ptr: 8, count: 0, elem: 40, inline: true}}},
		{kvmType, 0x09}: {name: "KVM_GET_EMULATED_CPUID", arrays: []array{{name: "entries", ptr: 8, count: 0, elem: 40, inline: true}}},
		{kvmType, 0x90}: {name: "KVM_SET_CPUID2", arrays: []array{{name: "entries", ptr: 8, count: 0, elem: 40, in: true, inline: true}}},
		{kvmType, 0x91}: {name: "KVM_GET_CPUID2", arrays: []array{{name: "entries", ptr: 8, count: 0, elem: 40, inline: true}}},
		{kvmType, 0x88}: {name: "KVM_GET_MSRS", arrays: []array{{name: "entries", ptr: 8, count: 0, elem: 16, inline: true}}},
		{kvmType, 0x89}: {name: "KVM_SET_MSRS", arrays: []array{{name: "entries", ptr: 8, count: 0, elem: 16, in: true, inline: true}}},
		// Xen.
		{xenPrivcmd, 0}: {name: "PRIVCMD_HYPERCALL", dir: kIn, size: 48, warn: "what hypercalls write is not seen"},
		{xenPrivcmd, 2}: {name: "PRIVCMD_MMAP", dir: kIn, size: 16, arrays: []array{{name: "entry", ptr: 8, count: 0, elem: 24, in: true}}},
		{xenPrivcmd, 3}: {name: "PRIVCMD_MMAPBATCH", dir: kIn, size: 24, arrays: []array{{name: "arr", ptr: 16, count: 0, elem: 8, in: true},
			{name: "arr", ptr: 16, count: 0, elem: 8}}},
		{xenPrivcmd, 4}: {name: "PRIVCMD_MMAPBATCH_V2", dir: kIn, size: 32, arrays: []array{{name: "arr", ptr: 16, count: 0, elem: 8, in: true},
			{name: "err", ptr: 24, count: 0, elem: 4}}},
		{xenPrivcmd, 5}: {name: "PRIVCMD_DM_OP", dir: kIn, size: 16, warn: "what device model operations write is not seen"},
		{xenPrivcmd, 6}: {name: "PRIVCMD_RESTRICT", dir: kIn, size: 2},
		{xenPrivcmd, 7}: {name: "PRIVCMD_MMAP_RESOURCE", dir: kInOut, size: 32},
		{xenEvtchn, 0}:  {name: "EVTCHN_BIND_VIRQ", dir: kIn, size: 4},
		{xenEvtchn, 1}:  {name: "EVTCHN_BIND_INTERDOMAIN", dir: kIn, size: 8},
		{xenEvtchn, 2}:  {name: "EVTCHN_BIND_UNBOUND_PORT", dir: kIn, size: 4},
		{xenEvtchn, 3}:  {name: "EVTCHN_UNBIND", dir: kIn, size: 4},
		{xenEvtchn, 4}:  {name: "EVTCHN_NOTIFY", dir: kIn, size: 4},
		{xenEvtchn, 5}:  {name: "EVTCHN_RESET", dir: kInt},
		{xenGntdev, 0}:  {name: "GNTDEV_MAP_GRANT_REF", dir: kInOut, size: 24, arrays: []array{{name: "refs", ptr: 16, count: 0, elem: 8, in: true, inline: true}}},
		{xenGntdev, 1}:  {name: "GNTDEV_UNMAP_GRANT_REF", dir: kIn, size: 16},
		{xenGntdev, 2}:  {name: "GNTDEV_GET_OFFSET_FOR_VADDR", dir: kInOut, size: 24},
		{xenGntdev, 3}:  {name: "GNTDEV_SET_MAX_GRANTS", dir: kIn, size: 4},
	}
})

// deviceRow is the row of an ioctl of one of devices, nil for others. Commands with a direction in their number must have the size
// of a structure in it, as other drivers use the same letters: those of Xen have none.
func deviceRow(cmd uint32) *subRow {
	d, ok := devices()[[2]uint8{uint8(cmd >> 8), uint8(cmd)}]
	xen := d.dir != kSkip
	if !ok || xen && linux.IocDir(cmd) != 0 {
		return nil
	}
	k := guessIoctl(cmd)
	if xen {
		k.dir, k.size = d.dir, d.size
	}
	k.name = d.name
	row := &subRow{name: d.name, newFD: d.fd, args: ioctlArg}
	arg := Param{name: "arg", width: 8, size: N(k.size), kind: k.dir, text: "ioctl(" + k.name + ")"}
	row.before = func(c *Call) {
		if d.warn != "" {
			c.e.warn("ioctl "+d.name, "ioctl %s is passed to the kernel: %s", d.name, d.warn)
		}
		if k.dir != kInt {
			c.checkParam(2, &arg)
			c.arrays(&d)
		}
	}
	row.after = func(c *Call) {
		if k.dir != kInt {
			c.marked(2, &arg)
			c.arraysWritten(&d)
		}
	}
	return row
}

// counts are the numbers of elements that an argument gave, in bytes.
type counts []uint64

// sizeOf is the size of array x of the argument, 0 if the argument can't be read.
func (c *Call) sizeOf(x *array) (a, n uint64) {
	arg := c.Args[2]
	a = arg + x.ptr
	var ok1, ok2 bool = true, true
	if !x.inline {
		a, ok1 = c.load64(a)
	}
	if x.wide {
		n, ok2 = c.load64(arg + x.count)
	} else {
		var v uint32
		v, ok2 = c.load32(arg + x.count)
		n = uint64(v)
	}
	const most = 1 << 40 // whoever asks for more has made a mistake, which the kernel finds
	if !ok1 || !ok2 || a == 0 || n > most {
		return 0, 0
	}
	return a, n * max(x.elem, 1)
}

func (c *Call) arrays(d *device) {
	sizes := make(counts, len(d.arrays))
	for i := range d.arrays {
		x := &d.arrays[i]
		a, n := c.sizeOf(x)
		sizes[i] = n
		name := fmt.Sprintf("ioctl(%s).%s", d.name, x.name)
		if x.in {
			c.read(name, a, n)
		} else {
			c.write(name, a, n)
		}
	}
	c.extra = sizes
}

// arraysWritten marks what there was room for: the counts now say how much there is.
func (c *Call) arraysWritten(d *device) {
	sizes, _ := c.extra.(counts)
	for i := range sizes {
		if x := &d.arrays[i]; !x.in {
			a, n := c.sizeOf(x)
			c.wrote(a, min(n, sizes[i]))
		}
	}
}
