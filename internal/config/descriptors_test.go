package config

import (
	"math"
	"os"
	"strings"
	"testing"
)

// For any limit, the shares fit into it, none is zero, and a dial has the sockets that it needs; a limit that is too low is refused
// with what to do.
func TestDescriptors(t *testing.T) {
	for _, database := range []string{"./data", "postgres://localhost/x"} {
		c := Config{Storage: Storage{Database: database}, Concurrency: 512}
		least := 0
		for limit := range 70_000 {
			d, err := c.Descriptors(uint64(limit))
			if err != nil {
				if least = limit; !strings.Contains(err.Error(), "ulimit") {
					t.Fatal(err)
				}
				continue
			}
			if d.Outgoing+d.Incoming+ownFiles > limit || d.Outgoing < 4 || d.Incoming < 4 || d.Idle < 1 || d.Streams < 1 ||
				d.Streams >= d.Incoming || d.Concurrency < 1 || d.Concurrency > 512 || 2*d.Concurrency > d.Outgoing || d.Idle > d.Outgoing/2 {
				t.Fatalf("%d: %+v", limit, d)
			}
		}
		if least == 0 || least > 80 {
			t.Errorf("the highest limit that is refused is %d", least)
		}
		if d, err := c.Descriptors(math.MaxUint64); err != nil || d.Concurrency != 512 || d.Streams != 10_000 {
			t.Errorf("%+v, %v", d, err)
		}
	}
	if n, err := OpenFiles(); err != nil || n == 0 {
		t.Errorf("%d, %v", n, err)
	}
}

// Open files are counted, also while no other can be opened.
func TestOpenedFiles(t *testing.T) {
	o := CountOpened()
	if o == nil {
		t.Skip("this system does not tell")
	}
	defer o.Close()
	before, ok := o.Count()
	if !ok || before < 3 {
		t.Fatal(before, ok)
	}
	for range 3 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
	if n, ok := o.Count(); n != before+3 || !ok {
		t.Errorf("%d files are open, %v; want %d", n, ok, before+3)
	}
	if n, ok := (*Opened)(nil).Count(); n != 0 || ok {
		t.Error(n, ok)
	}
}
