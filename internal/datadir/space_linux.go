package datadir

import "syscall"

// Space returns how many bytes of the directory's file system this user may still write, and how many it has; 0 if that is not known.
func Space(dir string) (free, all int64) {
	var is syscall.Statfs_t
	if syscall.Statfs(dir, &is) != nil {
		return 0, 0
	}
	unit := uint64(is.Bsize)                                //nolint:gosec // a size
	return int64(is.Bavail * unit), int64(is.Blocks * unit) //nolint:gosec // sizes
}
