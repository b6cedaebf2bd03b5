//go:build linux && (amd64 || arm64)

package main

import (
	"runtime/debug"
	"syscall"
	"unsafe"
)

// Large inputs are read with a heap of huge pages: of half a GB in pages of 4 kB
// each of 130,000 is handed out and cleared by the kernel on its own, which was a
// quarter of all processor time.
const (
	hugeHeap  = 1 << 30 // address space that is asked for; none of it is in use yet
	hugePage  = 2 << 20 // of amd64, and of arm64 with pages of 4 kB
	hugeInput = 64 << 20
)

// hugePages lets the heap grow into memory of which the kernel is asked to make
// huge pages, if the inputs are large. One large block is taken from the heap,
// marked and given back: no page of it was touched, so none is in use, and what
// the heap hands out next lies in it. Where the kernel has no huge pages, or the
// address space is limited, all stays as it was.
func hugePages(input int64) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_AS, &limit); err != nil || input < hugeInput || limit.Cur < 8*hugeHeap {
		return
	}
	markHuge()
	debug.FreeOSMemory()
}

// markHuge is a function of its own so that nothing holds the block behind it.
//
//go:noinline
func markHuge() {
	block := make([]byte, hugeHeap)
	at := uintptr(unsafe.Pointer(unsafe.SliceData(block)))
	_ = syscall.Madvise(block[-at%hugePage:], syscall.MADV_HUGEPAGE) // refused, it changes nothing
}
