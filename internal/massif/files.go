package massif

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"gogrind/internal/report"
)

// files writes results, elsewhere if it can't be where they should go.
type files struct {
	log *report.Log
	dir string // relative names are meant from here: the guest may have gone elsewhere
}

// path is where the file of that name is.
func (o *files) path(name string) string {
	if filepath.IsAbs(name) || o.dir == "" {
		return name
	}
	return filepath.Join(o.dir, name)
}

// write lets f write the file of that name, and returns the name of the file that it is in at last, "" if nothing
// could be written.
func (o *files) write(name string, f func(io.Writer) error) string {
	err := writeFile(o.path(name), f)
	if err == nil {
		return name
	}
	other := filepath.Join(os.TempDir(), filepath.Base(name))
	if other == name || writeFile(other, f) != nil {
		o.log.Userf("Cannot write the result to %s: %v", name, cause(err))
		return ""
	}
	o.log.Userf("Cannot write the result to %s: %v\nIt is in %s instead.", name, cause(err), other)
	return other
}

// cause is err without the name of the file, which the message has already.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// writeFile writes one file. What is left of a file that could not be finished is removed.
func writeFile(name string, f func(io.Writer) error) error {
	w, err := os.Create(name)
	if err != nil {
		return err
	}
	err = f(w)
	if e := w.Close(); err == nil {
		err = e
	}
	if err != nil {
		if st, e := os.Lstat(name); e == nil && st.Mode().IsRegular() {
			os.Remove(name)
		}
	}
	return err
}
