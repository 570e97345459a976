package webhook

import "time"

// Bookmark is a name that somebody gave to a moment, to find it again.
type Bookmark struct {
	Seq       int64 `gorm:"primaryKey;autoIncrement"`
	ID        ID
	TenantID  ID
	Name      string
	Color     *string
	CreatedAt time.Time `gorm:"serializer:micros;autoCreateTime:false"`
}

// Position is Seq.
func (b *Bookmark) Position() int64 { return b.Seq }
