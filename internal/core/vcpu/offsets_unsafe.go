package vcpu

import "unsafe"

// Offsets from the FS base, for generated code.
const (
	OffSelf      = int32(unsafe.Offsetof(Context{}.Self))
	OffGPR       = int32(unsafe.Offsetof(Context{}.Regs))
	OffRIP       = OffGPR + 16*8
	OffRFlags    = OffRIP + 8
	OffFSBase    = OffRIP + 16
	OffGSBase    = OffRIP + 24
	OffExit      = int32(unsafe.Offsetof(Context{}.Exit))
	OffIBTarget  = int32(unsafe.Offsetof(Context{}.IBTarget))
	OffSpill     = int32(unsafe.Offsetof(Context{}.Spill))
	OffRedZone   = int32(unsafe.Offsetof(Context{}.RedZone))
	OffDirty     = int32(unsafe.Offsetof(Context{}.Dirty))
	OffRetTarget = int32(unsafe.Offsetof(Context{}.RetTarget))
	OffSearch    = (int32(unsafe.Offsetof(Context{}.Search)) + 63) &^ 63
	OffV         = int32(unsafe.Offsetof(Context{}.V))
	OffVec0      = int32(unsafe.Offsetof(Context{}.Vec0))
	OffNoVec     = int32(unsafe.Offsetof(Context{}.NoVec))
	OffEvents    = int32(unsafe.Offsetof(Context{}.Events))
	OffPending   = int32(unsafe.Offsetof(Context{}.Pending))
)
