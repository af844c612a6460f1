// Package cgannotate shows, merges and compares files of package cgfile: it is all of cg_annotate, cg_diff and cg_merge but
// their main functions.
//
// cg_annotate has had two layouts: a flat list of functions up to Valgrind 3.20 (classic.go), and lists grouped by file and by
// function since 3.21 (grouped.go). Both are written here, so that scripts made for either go on working; --style chooses, and
// options that only one of them has choose, too. The package runs nothing and knows nothing of how files come about.
package cgannotate

import "gogrind/internal/options"

// version is what --version says behind the name of the program.
const version = "gogrind-" + options.Version
