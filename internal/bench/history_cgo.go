//go:build cgo

package bench

import _ "github.com/mattn/go-sqlite3" // the driver

const sqliteDriver = "sqlite3"
