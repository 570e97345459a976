package doctor

import (
	"fmt"
	"syscall"
)

// The numbers of file systems that matter (statfs(2)).
var fileSystems = map[int64]FileSystem{
	0x6969: {Type: "NFS", Network: true}, 0xff534d42: {Type: "CIFS", Network: true}, 0xfe534d42: {Type: "SMB2", Network: true}, 0x517b: {Type: "SMB", Network: true},
	0x00c36400: {Type: "Ceph", Network: true}, 0x01021997: {Type: "9p", Network: true}, 0x5346414f: {Type: "AFS", Network: true}, 0x47504653: {Type: "GPFS", Network: true},
	0x0bd00bd0: {Type: "Lustre", Network: true}, 0x01021994: {Type: "tmpfs", Memory: true}, 0x858458f6: {Type: "ramfs", Memory: true},
	0xef53: {Type: "ext4"}, 0x58465342: {Type: "XFS"}, 0x9123683e: {Type: "Btrfs"}, 0x794c7630: {Type: "overlayfs"}, 0x2fc12fc1: {Type: "ZFS"},
}

// fileSystem examines the file system of a directory.
func fileSystem(dir string) (FileSystem, error) {
	var is syscall.Statfs_t
	if err := syscall.Statfs(dir, &is); err != nil {
		return FileSystem{}, fmt.Errorf("examine the file system of %s: %w", dir, err)
	}
	f := fileSystems[int64(uint32(is.Type))] //nolint:gosec,unconvert // the magic has 32 bits, signed on some systems
	unit := uint64(is.Bsize)                 //nolint:gosec // a size
	f.Free, f.Bytes, f.Files, f.AllFiles = is.Bavail*unit, is.Blocks*unit, is.Ffree, is.Files
	return f, nil
}
