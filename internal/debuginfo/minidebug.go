package debuginfo

// miniDebug is the object in .gnu_debugdata (a symbol table of the functions that the dynamic one lacks), nil when there
// is none. Caller holds o.mu.
func (o *Object) miniDebug() *elfFile { return nil }
