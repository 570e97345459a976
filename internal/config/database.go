package config

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var (
	scheme  = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]+):`) // at least two characters: C: is a drive
	keyword = regexp.MustCompile(`^\s*([A-Za-z_]+)\s*=`)
)

// readDatabase parses --database: a directory, or a postgres:// URL with the name of a database. It refuses text that looks like a
// database but would become a directory of that name. Its errors do not repeat the text, which may hold a password.
func readDatabase(text string) (database string, postgres bool, err error) {
	if text == "" {
		return "", false, errors.New("must name a directory, or a postgres:// URL")
	}
	if strings.TrimSpace(text) != text {
		return "", false, errors.New("begins or ends with white space: remove it")
	}
	if is := scheme.FindStringSubmatch(text); is != nil {
		switch name := strings.ToLower(is[1]); name {
		case "postgres", "postgresql":
			rest, ok := strings.CutPrefix(text[len(is[0]):], "//")
			if u, err := url.Parse("postgres://" + rest); !ok || err != nil || len(u.Path) < 2 {
				return "", false, errors.New("must be like postgres://user:password@host:5432/database; " +
					"characters such as @ : / ? # % in a password are written %40 %3A %2F %3F %23 %25")
			}
			return "postgres://" + rest, true, nil
		case "file", "sqlite", "sqlite3":
			return "", false, fmt.Errorf("%s: is not needed: name the directory of the SQLite database itself, such as ./data", name)
		default:
			return "", false, fmt.Errorf("%s: is not a supported database; give a directory for SQLite (./%s:… if it has that name), or a postgres:// URL", name, name)
		}
	}
	if keyword.MatchString(text) {
		database, err := fromKeywords(text)
		return database, true, err
	}
	name := filepath.Base(text)
	switch user, _, at := strings.Cut(text, "@"); {
	case at && strings.Contains(user, ":"):
		return "", false, errors.New("looks like user:password@host without a scheme: write postgres://user:password@host:5432/database")
	case text == ":memory:":
		return "", false, errors.New("a database in memory keeps nothing: name a directory")
	case slices.Contains([]string{".db", ".sqlite", ".sqlite3"}, filepath.Ext(name)):
		return "", false, errors.New("must name the directory that the database file is in, not the file: the file in it is always hookgraph.db")
	}
	return text, false, nil
}

// keywords are those of libpq's connection strings, and pgx's, that a URL may have as parameters.
var keywords = []string{
	"host", "hostaddr", "port", "dbname", "user", "password", "passfile", "service", "servicefile", "connect_timeout", "sslmode", "sslcert",
	"sslkey", "sslpassword", "sslrootcert", "sslsni", "sslnegotiation", "channel_binding", "target_session_attrs", "application_name",
	"options", "krbspn", "krbsrvname", "require_auth", "min_protocol_version", "max_protocol_version", "client_encoding",
}

// fromKeywords converts libpq's other form to a URL: host=… dbname=… password='…', with ' and \ escaped by \ in a value.
func fromKeywords(text string) (string, error) {
	values := url.Values{}
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimLeft(rest, " \t\r\n") {
		is := keyword.FindStringSubmatch(rest)
		if is == nil {
			return "", errors.New("is not like host=… dbname=… user=… password=…; put values with spaces in single quotation marks")
		}
		name := is[1]
		if !slices.Contains(keywords, name) {
			return "", fmt.Errorf("%s= is not a setting of a PostgreSQL connection; if it is a directory, write ./%s=…", name, name)
		}
		var value strings.Builder
		rest = strings.TrimLeft(rest[len(is[0]):], " \t\r\n")
		quoted := strings.HasPrefix(rest, "'")
		if quoted {
			rest = rest[1:]
		}
		closed := false
		for rest != "" && !closed {
			c := rest[0]
			rest = rest[1:]
			switch {
			case c == '\\' && rest != "":
				value.WriteByte(rest[0])
				rest = rest[1:]
			case quoted && c == '\'', !quoted && strings.ContainsRune(" \t\r\n", rune(c)):
				closed = true
			default:
				value.WriteByte(c)
			}
		}
		if quoted && !closed {
			return "", fmt.Errorf("%s=: a quotation mark is not closed", name)
		}
		if values.Has(name) {
			return "", fmt.Errorf("%s= is given twice; remove one", name)
		}
		values.Set(name, value.String())
	}
	database := values.Get("dbname")
	if database == "" {
		return "", errors.New("must name the database: dbname=…")
	}
	values.Del("dbname")
	u := url.URL{Scheme: "postgres", Path: "/" + database}
	if user, password := values.Get("user"), values.Get("password"); user != "" {
		u.User = url.User(user)
		if password != "" {
			u.User = url.UserPassword(user, password)
		}
		values.Del("user")
		values.Del("password")
	}
	u.RawQuery = values.Encode()
	return u.String(), nil
}
