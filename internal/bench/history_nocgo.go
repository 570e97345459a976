//go:build !cgo

package bench

import _ "modernc.org/sqlite" // the driver

const sqliteDriver = "sqlite"
