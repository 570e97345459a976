package gqlhttp

import (
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// deadlined counts the deadlines that are set, and remembers the last one.
type deadlined struct {
	net.Conn
	set  int
	last time.Time
}

func (c *deadlined) Write(b []byte) (int, error) { return len(b), nil }

func (c *deadlined) SetWriteDeadline(t time.Time) error {
	c.set++
	c.last = t
	return nil
}

// Each write may take its time, and at most an eighth more, although only few writes set a deadline.
func TestPacedDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const each, writes = 8 * time.Second, 1000
		conn := &deadlined{}
		c := &paced{Conn: conn, each: each}
		for range writes {
			if _, err := c.Write([]byte("message")); err != nil {
				t.Fatal(err)
			}
			if left := time.Until(conn.last); left < each || left > each+each/8 {
				t.Fatalf("a write may take %v", left)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if conn.set < 5 || conn.set > writes/50 {
			t.Errorf("%d writes within %v set %d deadlines", writes, writes*10*time.Millisecond, conn.set)
		}
		time.Sleep(time.Hour)
		if _, err := c.Write([]byte("message")); err != nil || time.Until(conn.last) < each {
			t.Errorf("after a pause a write may take %v, %v", time.Until(conn.last), err)
		}
	})
}
