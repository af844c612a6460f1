package request

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"gogrind/internal/guest"
)

const (
	maxFormat = 1 << 16 // longest format and longest %s: a printf request is for people
	maxWidth  = 1 << 12
)

// vaList reads the arguments of a C variadic function.
type vaList struct {
	m    guest.Memory
	gp   uint32     // offset of the next general register in save, up to gpEnd
	fp   uint32     // offset of the next vector register, up to fpEnd
	over guest.Addr // next argument on the stack
	save guest.Addr
}

// System V ABI for amd64, 3.5.7: six general registers, then eight vector registers of 16 bytes.
const (
	gpEnd      = 48
	fpEnd      = gpEnd + 8*16
	vaListSize = 24
)

// newVAList reads struct __va_list_tag at a. One that can't be read yields zeros.
func newVAList(m guest.Memory, a guest.Addr) *vaList {
	var b [vaListSize]byte
	v := &vaList{m: m, gp: gpEnd, fp: fpEnd}
	if m.ReadMem(b[:], a) == len(b) {
		v.gp = binary.LittleEndian.Uint32(b[0:])
		v.fp = binary.LittleEndian.Uint32(b[4:])
		v.over = guest.Addr(binary.LittleEndian.Uint64(b[8:]))
		v.save = guest.Addr(binary.LittleEndian.Uint64(b[16:]))
	}
	return v
}

func (v *vaList) word(a guest.Addr) uint64 {
	var b [8]byte
	v.m.ReadMem(b[:], a)
	return binary.LittleEndian.Uint64(b[:])
}

func (v *vaList) stack() uint64 {
	w := v.word(v.over)
	v.over += 8
	return w
}

func (v *vaList) int() uint64 {
	if v.gp >= gpEnd {
		return v.stack()
	}
	w := v.word(v.save + guest.Addr(v.gp))
	v.gp += 8
	return w
}

func (v *vaList) double() float64 {
	if v.fp >= fpEnd {
		return math.Float64frombits(v.stack())
	}
	w := v.word(v.save + guest.Addr(v.fp))
	v.fp += 16
	return math.Float64frombits(w)
}

// longDouble reads an 80-bit x87 value, always on the stack at a multiple of 16, and rounds it.
func (v *vaList) longDouble() float64 {
	v.over = (v.over + 15) &^ 15
	m, se := v.stack(), v.stack()
	exp := int(se & 0x7fff)
	var f float64
	switch {
	case exp == 0x7fff && m<<1 != 0:
		f = math.NaN()
	case exp == 0x7fff:
		f = math.Inf(1)
	default:
		f = math.Ldexp(float64(m), exp-16383-63)
	}
	if se&0x8000 != 0 {
		f = -f
	}
	return f
}

// spec is one conversion of a format.
type spec struct {
	left, zero, plus, space, alt, group bool
	width                               int
	prec                                int // -1: none
	size                                int // bytes of an integer
	long                                bool
}

// format is vsprintf of the format at a. Addresses (%p) are in capitals with 0x, as Valgrind has them.
func format(m guest.Memory, a guest.Addr, args *vaList) string {
	f := readString(m, a, maxFormat)
	var out strings.Builder
	for i := 0; i < len(f); {
		if f[i] != '%' {
			n := strings.IndexByte(f[i:], '%')
			if n < 0 {
				n = len(f) - i
			}
			out.WriteString(f[i : i+n])
			i += n
			continue
		}
		s, n := parseSpec(f[i+1:], args)
		end := i + 1 + n
		if end == len(f) {
			out.WriteString(f[i:])
			break
		}
		if !s.convert(&out, f[end], m, args) {
			out.WriteString(f[i : end+1])
		}
		i = end + 1
	}
	return out.String()
}

// parseSpec parses flags, width, precision and length at the start of f, which takes arguments for stars. n is the
// position of the conversion letter.
func parseSpec(f string, args *vaList) (s spec, n int) {
	s.prec, s.size = -1, 4
flags:
	for ; n < len(f); n++ {
		switch f[n] {
		case '-':
			s.left = true
		case '0':
			s.zero = true
		case '+':
			s.plus = true
		case ' ':
			s.space = true
		case '#':
			s.alt = true
		case '\'', ',':
			s.group = true
		default:
			break flags
		}
	}
	w, n := number(f, n, args)
	if w < 0 {
		s.left, w = true, -w
	}
	s.width = min(w, maxWidth)
	if n < len(f) && f[n] == '.' {
		s.prec, n = number(f, n+1, args)
		s.prec = min(s.prec, maxWidth) // a negative one counts as none
	}
	for ; n < len(f); n++ {
		switch f[n] {
		case 'h':
			s.size /= 2
		case 'l', 'z', 'j', 't', 'q':
			s.size = 8
		case 'L':
			s.size, s.long = 8, true
		default:
			s.size = max(s.size, 1)
			return s, n
		}
	}
	return s, n
}

// number reads decimal digits or a star at f[n:].
func number(f string, n int, args *vaList) (v, next int) {
	if n < len(f) && f[n] == '*' {
		return max(int(int32(args.int())), -maxWidth), n + 1
	}
	for ; n < len(f) && f[n] >= '0' && f[n] <= '9'; n++ {
		if v < maxWidth {
			v = v*10 + int(f[n]-'0')
		}
	}
	return v, n
}

// convert appends the next argument as conversion c asks; false if c is none.
func (s *spec) convert(out *strings.Builder, c byte, m guest.Memory, args *vaList) bool {
	switch c {
	case '%':
		out.WriteByte('%')
	case 'd', 'i':
		v := args.int()
		shift := 64 - 8*s.size
		n := int64(v<<shift) >> shift
		sign := ""
		switch {
		case n < 0:
			sign, v = "-", -uint64(n)
		case s.plus:
			sign, v = "+", uint64(n)
		case s.space:
			sign, v = " ", uint64(n)
		default:
			v = uint64(n)
		}
		s.integer(out, sign, s.grouped(strconv.FormatUint(v, 10)))
	case 'u':
		s.integer(out, "", s.grouped(strconv.FormatUint(s.unsigned(args), 10)))
	case 'o':
		d := strconv.FormatUint(s.unsigned(args), 8)
		if s.alt && d[0] != '0' {
			d = "0" + d
		}
		s.integer(out, "", d)
	case 'x', 'X':
		v := s.unsigned(args)
		prefix := ""
		if s.alt && v != 0 {
			prefix = "0" + string(c)
		}
		d := strconv.FormatUint(v, 16)
		if c == 'X' {
			d = strings.ToUpper(d)
		}
		s.integer(out, prefix, d)
	case 'p':
		s.integer(out, "0x", fmt.Sprintf("%X", args.int()))
	case 'c':
		s.pad(out, "", string([]byte{byte(args.int())}), false)
	case 's':
		s.pad(out, "", s.text(m, guest.Addr(args.int())), false)
	case 'f', 'F', 'e', 'E', 'g', 'G', 'a', 'A':
		s.float(out, c, args)
	default:
		return false
	}
	return true
}

// unsigned is the next argument cut to its size.
func (s *spec) unsigned(args *vaList) uint64 {
	shift := 64 - 8*s.size
	return args.int() << shift >> shift
}

// text is the string at a, no further than the precision.
func (s *spec) text(m guest.Memory, a guest.Addr) string {
	if a == 0 {
		return "(null)"
	}
	limit := uint(maxFormat)
	if s.prec >= 0 {
		limit = uint(s.prec)
	}
	return readString(m, a, limit)
}

func (s *spec) grouped(digits string) string {
	if !s.group {
		return digits
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// integer appends digits with at least the precision of them; a precision turns zero padding off.
func (s *spec) integer(out *strings.Builder, sign, digits string) {
	if s.prec == 0 && digits == "0" {
		digits = ""
	}
	if n := s.prec - len(digits); n > 0 {
		digits = strings.Repeat("0", n) + digits
	}
	s.pad(out, sign, digits, s.zero && s.prec < 0)
}

func (s *spec) float(out *strings.Builder, c byte, args *vaList) {
	var v float64
	if s.long {
		v = args.longDouble()
	} else {
		v = args.double()
	}
	sign := ""
	switch {
	case math.Signbit(v):
		sign, v = "-", -v
	case s.plus:
		sign = "+"
	case s.space:
		sign = " "
	}
	upper := c < 'a'
	if math.IsInf(v, 0) || math.IsNaN(v) {
		word := map[bool]string{false: "inf", true: "nan"}[math.IsNaN(v)]
		if upper {
			word = strings.ToUpper(word)
		}
		s.pad(out, sign, word, false)
		return
	}
	verb := "%"
	if s.alt {
		verb = "%#"
	}
	digits := ""
	switch c | 0x20 {
	case 'a':
		prec := s.prec // shortest when none is given
		digits = hexFloat(v, prec)
	default:
		prec := s.prec
		if prec < 0 {
			prec = 6
		}
		if c|0x20 == 'g' && prec == 0 {
			prec = 1
		}
		digits = fmt.Sprintf(verb+".*"+string(c|0x20), prec, v)
	}
	if upper {
		digits = strings.ToUpper(digits)
	}
	s.pad(out, sign, digits, s.zero)
}

// hexFloat is C's %a: Go's form has two digits of exponent at least, C's one.
func hexFloat(v float64, prec int) string {
	d := strconv.FormatFloat(v, 'x', prec, 64)
	i := strings.IndexByte(d, 'p') + 2
	if len(d)-i == 2 && d[i] == '0' {
		d = d[:i] + d[i+1:]
	}
	return d
}

// pad appends sign and body with blanks to the width, or with zeros between the two.
func (s *spec) pad(out *strings.Builder, sign, body string, zeros bool) {
	n := s.width - len(sign) - len(body)
	fill := strings.Repeat(" ", max(n, 0))
	switch {
	case s.left:
		out.WriteString(sign + body + fill)
	case zeros:
		out.WriteString(sign + strings.Repeat("0", max(n, 0)) + body)
	default:
		out.WriteString(fill + sign + body)
	}
}
