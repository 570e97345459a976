package dialect

import (
	"context"
	"database/sql/driver"
	"fmt"
	"reflect"
	"time"

	"gorm.io/gorm/schema"
)

// Micros is a time as the database stores it: microseconds since 1970, so that times compare as numbers whatever their zone.
type Micros int64

// At returns the time as the database stores it.
func At(t time.Time) Micros { return Micros(t.UnixMicro()) }

// MaybeAt is At, or NULL for nil.
func MaybeAt(t *time.Time) any {
	if t == nil {
		return nil
	}
	return At(*t)
}

// Time returns the time, in UTC.
func (m Micros) Time() time.Time { return time.UnixMicro(int64(m)).UTC() }

// MaybeTime returns the time, or nil for NULL.
func MaybeTime(m *Micros) *time.Time {
	if m == nil {
		return nil
	}
	t := m.Time()
	return &t
}

// Value implements driver.Valuer.
func (m Micros) Value() (driver.Value, error) { return int64(m), nil }

// Scan implements sql.Scanner. It accepts an integer, or the time of a native timestamp column.
func (m *Micros) Scan(src any) error {
	switch v := src.(type) {
	case int64:
		*m = Micros(v)
	case time.Time:
		*m = At(v)
	default:
		return fmt.Errorf("scan %T as time", src)
	}
	return nil
}

// microsSerializer stores time.Time fields of domain types (gorm:"serializer:micros").
type microsSerializer struct{}

func init() { schema.RegisterSerializer("micros", microsSerializer{}) }

func (microsSerializer) Scan(ctx context.Context, field *schema.Field, dst reflect.Value, value any) error {
	if value == nil {
		return field.Set(ctx, dst, nil)
	}
	var m Micros
	if err := m.Scan(value); err != nil {
		return fmt.Errorf("column %s: %w", field.DBName, err)
	}
	return field.Set(ctx, dst, m.Time())
}

func (microsSerializer) Value(_ context.Context, _ *schema.Field, _ reflect.Value, value any) (any, error) {
	switch v := value.(type) {
	case time.Time:
		return v.UnixMicro(), nil
	case *time.Time:
		if v == nil {
			return nil, nil
		}
		return v.UnixMicro(), nil
	}
	return nil, fmt.Errorf("store %T as time", value)
}
