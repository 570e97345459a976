package sqlite

// Result codes of SQLite (https://www.sqlite.org/rescode.html), of which the lowest byte is the primary one.
const (
	sqlitePerm      = 3
	sqliteBusy      = 5
	sqliteLocked    = 6
	sqliteNoMem     = 7
	sqliteReadOnly  = 8
	sqliteInterrupt = 9
	sqliteIOErr     = 10
	sqliteCorrupt   = 11
	sqliteFull      = 13
	sqliteCantOpen  = 14
	sqliteProtocol  = 15
	sqliteNotADB    = 26

	sqliteIOErrRead      = sqliteIOErr | 1<<8
	sqliteIOErrShortRead = sqliteIOErr | 2<<8
	sqliteIOErrCorruptFS = sqliteIOErr | 33<<8
	sqliteIOErrData      = sqliteIOErr | 32<<8
)

// transientCode reports whether a result code of SQLite is temporary. Corruption is not.
func transientCode(code int) bool {
	switch code {
	case sqliteIOErrCorruptFS, sqliteIOErrData:
		return false
	}
	switch code & 0xff {
	case sqlitePerm, sqliteBusy, sqliteLocked, sqliteNoMem, sqliteReadOnly, sqliteInterrupt, sqliteIOErr, sqliteFull, sqliteCantOpen, sqliteProtocol:
		return true
	}
	return false
}
