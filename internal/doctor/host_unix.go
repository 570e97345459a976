//go:build unix

package doctor

import (
	"os"
	"syscall"
)

// owner returns the user that a file belongs to.
func owner(path string) (uid int, ok bool, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false, err
	}
	is, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false, nil
	}
	return int(is.Uid), true, nil
}
