package strmem

import (
	"unsafe"

	"gogrind/internal/guest"
)

func addressOf(b []byte) guest.Addr { return guest.Addr(uintptr(unsafe.Pointer(&b[0]))) }
