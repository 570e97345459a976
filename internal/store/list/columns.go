package list

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
)

// columns scans rows into the fields of a struct. GORM's ScanRows does the same, but looks up each column again for each row, and copies each value
// twice, which took a sixth of the time of a page.
type columns struct {
	into   []any    // what the next row is scanned into, of each column
	fields []column // into which values are scanned
	copied []column // into which GORM copies values after the row was scanned
}

// column is a column that the struct has a field for.
type column struct {
	at    int
	field *schema.Field
}

// columnsOf returns the columns of rows that q reads into values of type T.
func columnsOf[T any](q *gorm.DB, rows *sql.Rows) (*columns, error) {
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	of := &gorm.Statement{DB: q}
	if err := of.Parse(new(T)); err != nil {
		return nil, err
	}
	c := &columns{into: make([]any, len(names))}
	for i, name := range names {
		switch f := of.Schema.LookUpField(name); {
		case f == nil:
			c.into[i] = new(any)
		case f.Serializer != nil && f.IndirectFieldType != reflect.TypeFor[time.Time]():
			c.copied = append(c.copied, column{i, f})
		default:
			c.fields = append(c.fields, column{i, f})
		}
	}
	return c, nil
}

// scan scans the current row into the struct that row points to, of which the fields are zero: those of columns that are NULL stay so.
func (c *columns) scan(ctx context.Context, rows *sql.Rows, row any) error {
	to := reflect.ValueOf(row).Elem()
	for _, of := range c.fields {
		c.into[of.at] = target(of.field.ReflectValueOf(ctx, to).Addr().Interface())
	}
	for _, of := range c.copied {
		c.into[of.at] = of.field.NewValuePool.Get()
	}
	if err := rows.Scan(c.into...); err != nil {
		return err
	}
	for _, of := range c.copied {
		if err := of.field.Set(ctx, to, c.into[of.at]); err != nil {
			return fmt.Errorf("column %s: %w", of.field.DBName, err)
		}
		of.field.NewValuePool.Put(c.into[of.at])
	}
	return nil
}

// target returns what a column is scanned into, by a pointer to its field.
func target(field any) any {
	switch at := field.(type) {
	case *time.Time:
		return timeInto{at}
	case **time.Time:
		return maybeInto{at}
	case *string:
		return orZero[string]{at}
	case *int64:
		return orZero[int64]{at}
	case *int:
		return orZero[int]{at}
	case *bool:
		return orZero[bool]{at}
	}
	if v := reflect.ValueOf(field); v.Elem().Kind() == reflect.String {
		return orZero[string]{v.Convert(reflect.TypeFor[*string]()).Interface().(*string)}
	}
	return field
}

// timeInto and maybeInto scan what is stored as dialect.Micros. With orZero, NULL leaves the value as it is.
type (
	timeInto      struct{ to *time.Time }
	maybeInto     struct{ to **time.Time }
	orZero[T any] struct{ to *T }
)

// Scan implements sql.Scanner.
func (t timeInto) Scan(src any) error {
	if src == nil {
		return nil
	}
	var m dialect.Micros
	err := m.Scan(src)
	*t.to = m.Time()
	return err
}

// Scan implements sql.Scanner.
func (t maybeInto) Scan(src any) error {
	if src == nil {
		return nil
	}
	*t.to = new(time.Time)
	return timeInto{*t.to}.Scan(src)
}

// Scan implements sql.Scanner.
func (z orZero[T]) Scan(src any) error {
	if v, ok := src.(T); ok {
		*z.to = v
		return nil
	}
	if src == nil {
		return nil
	}
	var n sql.Null[T]
	err := n.Scan(src)
	*z.to = n.V
	return err
}
