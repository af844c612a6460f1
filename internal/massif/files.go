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
// could be written. spare is its name in the directory for temporary files, where it goes if all else fails.
func (o *files) write(name, spare string, f func(io.Writer) error) string {
	w, err := os.Create(o.path(name))
	if err == nil {
		if err = finish(w, f); err == nil {
			return name
		}
	}
	// What is there under that name is not ours.
	other := filepath.Join(os.TempDir(), spare)
	if w, e := os.OpenFile(other, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666); e != nil || finish(w, f) != nil {
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

// finish lets f write w. What is left of a file that could not be finished is removed.
func finish(w *os.File, f func(io.Writer) error) error {
	err := f(w)
	st, e := w.Stat()
	regular := e == nil && st.Mode().IsRegular()
	if e := w.Close(); err == nil {
		err = e
	}
	if err != nil && regular {
		os.Remove(w.Name())
	}
	return err
}
