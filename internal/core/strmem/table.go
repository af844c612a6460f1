package strmem

// routines are the addresses of the routines in the tool's own image.
//
//lint:ignore U1000 assembly defines it
var routines [numRoutines]uintptr
