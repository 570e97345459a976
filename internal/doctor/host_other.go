//go:build !linux

package doctor

import "errors"

// fileSystem does not know the file systems of other systems.
func fileSystem(string) (FileSystem, error) {
	return FileSystem{}, errors.New("file systems are examined on Linux only")
}
