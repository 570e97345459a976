package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"reflect"
	"time"

	"gorm.io/gorm/schema"
)

// micros is a time as the database keeps it: microseconds since 1970, so that times compare as numbers whatever zone
// they came in.
type micros int64

func at(t time.Time) micros { return micros(t.UnixMicro()) }

// maybeAt is at, or NULL.
func maybeAt(t *time.Time) any {
	if t == nil {
		return nil
	}
	return at(*t)
}

func (m micros) time() time.Time { return time.UnixMicro(int64(m)).UTC() }

// Value makes micros a column's value.
func (m micros) Value() (driver.Value, error) { return int64(m), nil }

// Scan reads an integer, or the time that a native timestamp column gives.
func (m *micros) Scan(src any) error {
	switch v := src.(type) {
	case int64:
		*m = micros(v)
	case time.Time:
		*m = at(v)
	default:
		return fmt.Errorf("scan %T as time", src)
	}
	return nil
}

// microsSerializer lets domain types have time.Time fields (gorm:"serializer:micros").
type microsSerializer struct{}

func init() { schema.RegisterSerializer("micros", microsSerializer{}) }

func (microsSerializer) Scan(ctx context.Context, field *schema.Field, dst reflect.Value, value any) error {
	if value == nil {
		return field.Set(ctx, dst, nil)
	}
	var m micros
	if err := m.Scan(value); err != nil {
		return fmt.Errorf("column %s: %w", field.DBName, err)
	}
	return field.Set(ctx, dst, m.time())
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
