package options

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// DefaultPort is the port of --log-socket and --xml-socket when none is given: where valgrind-listener listens.
const DefaultPort = 1500

func sinkFD(s *Sink, v string) error {
	n, err := parseNumber(v, false)
	if err != nil {
		return bad("Invalid integer value '%s'", v)
	}
	*s = Sink{Kind: ToFD, FD: int(n)}
	return nil
}

func sinkFile(s *Sink, v string) error {
	*s = Sink{Kind: ToFile, Name: v}
	return nil
}

func sinkSocket(s *Sink, option, v string) error {
	if _, err := ParseSocket(v); err != nil {
		return &Error{Bare: true, Detail: "Invalid --" + option + " spec of '" + v + "'"}
	}
	*s = Sink{Kind: ToSocket, Name: v}
	return nil
}

// ParseSocket reads ADDRESS[:PORT] of --log-socket; the address is an IPv4 address in dotted form. Valgrind takes no
// ports below 1024.
func ParseSocket(s string) (netip.AddrPort, error) {
	host, port, hasPort := strings.Cut(s, ":")
	n := uint64(DefaultPort)
	if hasPort {
		var err error
		if n, err = strconv.ParseUint(port, 10, 16); err != nil || n < 1024 {
			return netip.AddrPort{}, errors.New("options: bad port")
		}
	}
	a, err := netip.ParseAddr(host)
	if err != nil || !a.Is4() {
		return netip.AddrPort{}, errors.New("options: bad address")
	}
	return netip.AddrPortFrom(a, uint16(n)), nil
}

// Expander expands the % specifiers of names of log and result files.
type Expander struct {
	PID int
	Env func(name string) (string, bool) // os.LookupEnv if nil
	// Dir is put in front of relative names: the working directory at start.
	Dir string
	// Seq counts the %n of all names of a process; nil: those of this Expander.
	Seq *int
	// Child says that this is not the process that the user started: files get its pid behind their names if they don't have it
	// already, so that processes don't overwrite each other's. Devices and pipes stay what they are.
	Child bool
}

// Expand expands %p, %n, %q{VAR} and %% in the value of the option of that name ("log-file"). %n counts from 1, whatever the
// pattern. Its errors are *Error.
func (x *Expander) Expand(option, pattern string) (string, error) {
	fail := func(detail string) (string, error) {
		return "", &Error{Option: "--" + option + "=" + pattern, Detail: detail, Logged: true}
	}
	switch {
	case pattern == "":
		return fail("No filename given")
	case pattern[0] == '~':
		return fail("Filename begins with '~'\n" +
			"You probably expected the shell to expand the '~', but it\n" +
			"didn't.  The rules for '~'-expansion vary from shell to shell.\n" +
			"You might have more luck using $HOME instead.")
	}
	env := x.Env
	if env == nil {
		env = os.LookupEnv
	}
	var b strings.Builder
	hasPID := false
	for rest := pattern; rest != ""; {
		text, spec, found := strings.Cut(rest, "%")
		b.WriteString(text)
		if !found {
			break
		}
		switch {
		case strings.HasPrefix(spec, "%"):
			b.WriteByte('%')
		case strings.HasPrefix(spec, "p"):
			b.WriteString(strconv.Itoa(x.PID))
			hasPID = true
		case strings.HasPrefix(spec, "n"):
			if x.Seq == nil {
				x.Seq = new(int)
			}
			*x.Seq++
			b.WriteString(strconv.Itoa(*x.Seq))
		case strings.HasPrefix(spec, "q"):
			name, ok := strings.CutPrefix(spec[1:], "{")
			if !ok {
				return fail("Expected '{' after '%q'")
			}
			name, after, ok := strings.Cut(name, "}")
			if !ok {
				return fail("Missing '}' in %q specifier")
			}
			v, ok := env(name)
			if !ok {
				return fail("Environment variable '" + name + "' is not set")
			}
			b.WriteString(v)
			rest = after
			continue
		default:
			return fail("Expected 'p' or 'q' or '%' after '%'")
		}
		rest = spec[1:]
	}
	name := b.String()
	if !filepath.IsAbs(name) && x.Dir != "" {
		name = filepath.Join(x.Dir, name)
	}
	if x.Child && !hasPID {
		if st, err := os.Stat(name); err != nil || st.Mode().IsRegular() {
			name += "." + strconv.Itoa(x.PID)
		}
	}
	return name, nil
}
