// Package tap is a small writer of TAP 13, with the names the validation
// programs of runtime-tools call (the module they import is in no Debian package).
package tap

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// T writes one TAP stream.
type T struct {
	Writer io.Writer
	n      *int
	todo   bool
}

// New returns a stream on standard output.
func New() *T { return &T{n: new(int)} }

// Todo returns the stream with its results marked as not expected to pass.
func (t *T) Todo() *T { return &T{Writer: t.Writer, n: t.n, todo: true} }

func (t *T) out() io.Writer {
	if t.Writer == nil {
		return os.Stdout
	}
	return t.Writer
}

// Header prints the version line, and the plan when count is above zero.
func (t *T) Header(count int) {
	fmt.Fprintln(t.out(), "TAP version 13")
	if count > 0 {
		fmt.Fprintf(t.out(), "1..%d\n", count)
	}
}

// Ok prints one result.
func (t *T) Ok(good bool, desc string) {
	*t.n++
	s := "ok"
	if !good {
		s = "not ok"
	}
	if t.todo {
		desc = "# TODO " + desc
	} else {
		desc = "- " + desc
	}
	fmt.Fprintf(t.out(), "%s %d %s\n", s, *t.n, desc)
}

// Pass and Fail print a fixed result.
func (t *T) Pass(desc string) { t.Ok(true, desc) }
func (t *T) Fail(desc string) { t.Ok(false, desc) }

// Skip prints count skipped results.
func (t *T) Skip(count int, desc string) {
	for i := 0; i < count; i++ {
		*t.n++
		fmt.Fprintf(t.out(), "ok %d # SKIP %s\n", *t.n, desc)
	}
}

// AutoPlan prints the plan after the results.
func (t *T) AutoPlan() { fmt.Fprintf(t.out(), "1..%d\n", *t.n) }

// Diagnostic prints a comment.
func (t *T) Diagnostic(s string) {
	fmt.Fprintln(t.out(), "# "+strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n# "))
}

// Diagnosticf prints a formatted comment.
func (t *T) Diagnosticf(f string, a ...interface{}) { t.Diagnostic(fmt.Sprintf(f, a...)) }

// YAML prints a YAML block (JSON is YAML).
func (t *T) YAML(v interface{}) error {
	b, err := json.MarshalIndent(v, "  ", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out(), "  ---\n  %s\n  ...\n", b)
	return nil
}
