//go:build !linux || !(amd64 || arm64)

package main

// hugePages does nothing: only Linux is asked for them.
func hugePages(int64) {}
