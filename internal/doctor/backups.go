package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/hookgraph/hookgraph/internal/datadir"
)

// backups checks whether the backups by the clock are made.
func (e *examination) backups(context.Context) finding {
	cfg := e.Config
	if cfg.BackupEvery == 0 {
		return skipped("the server makes none by itself (--backup-every)")
	}
	const means, remedy = "what happened since the last backup is lost when the disk fails", "look at the free space and the permissions of the directory, and into the server's log"
	if e.Running != nil && e.Running.Backup != nil {
		if err := e.Running.Backup(); err != nil {
			return warned("the last backup failed: "+err.Error(), means, remedy)
		}
	}
	dir, _ := cfg.Backups()
	made, err := datadir.Backups(dir)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return failed(err.Error(), "no backup can be made", remedy)
	case len(made) == 0:
		return warned("there is no backup in "+dir+" yet", "nothing can be restored", "start the server, which makes one at once; "+remedy)
	}
	age := e.Host.Now().Sub(made[0].At)
	found := fmt.Sprintf("%d in %s, the newest %v ago", len(made), dir, age.Round(time.Minute))
	if late := cfg.BackupEvery + max(cfg.BackupEvery/4, 10*time.Minute); age > late {
		return warned(found+fmt.Sprintf(", and one is due every %v", cfg.BackupEvery), means, "start the server; "+remedy)
	}
	return fine(found)
}
