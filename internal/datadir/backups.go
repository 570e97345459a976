package datadir

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// BackupDraft is the name of drafts of backups.
const BackupDraft = ".hookgraph-backup"

const (
	backupPrefix = "hookgraph-"
	backupTime   = "20060102T150405Z"
)

// SavedBackup is a backup that a server has made by the clock.
type SavedBackup struct {
	Path string
	At   time.Time
}

// BackupName returns the name of a backup that is made by the clock.
func BackupName(at time.Time) string { return backupPrefix + at.UTC().Format(backupTime) }

// Backups returns the backups in a directory that have such names, the newest first.
func Backups(dir string) ([]SavedBackup, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []SavedBackup
	for _, is := range list {
		text, ok := strings.CutPrefix(is.Name(), backupPrefix)
		if !ok || !is.IsDir() {
			continue
		}
		if at, err := time.Parse(backupTime, text); err == nil {
			all = append(all, SavedBackup{Path: filepath.Join(dir, is.Name()), At: at})
		}
	}
	slices.SortFunc(all, func(a, b SavedBackup) int { return b.At.Compare(a.At) })
	return all, nil
}

// RemoveBackup removes a backup. Interrupted, it leaves an abandoned draft, and no half of a backup.
func RemoveBackup(b SavedBackup) error {
	draft := filepath.Join(filepath.Dir(b.Path), BackupDraft+strings.TrimSuffix(Unfinished, "*")+filepath.Base(b.Path))
	if err := os.Rename(b.Path, draft); err != nil {
		return err
	}
	return os.RemoveAll(draft)
}
