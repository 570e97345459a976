// Package migrations has the steps of the schema, in SQL, of each database.
package migrations

import "embed"

// FS has a directory for each database.
//
//go:embed sqlite postgres
var FS embed.FS
