// Command envelope says, from packet captures of end-to-end encrypted
// messengers and without decrypting anything, who talked to whom, when and how,
// how sure that is, and which packets show it.
//
// This package turns flags into calls and errors into exit codes, draws the
// progress line, and knows the terminal; everything else is in the packages it
// calls. Each command has its own file.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the default is back, so that a second one ends
	// the program at once.
	context.AfterFunc(ctx, stop)
	collectSeldom()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
