package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// FileSuffix ends the name of a variable that names a file instead of holding a secret itself.
const FileSuffix = "_FILE"

// maxSecretFile bounds a file that holds a secret.
const maxSecretFile = 64 << 10

// Variable returns an environment variable without the white space around it, which files and editors add; "" if it is not set.
// A value in quotation marks is an error: no shell has removed them, so they would be part of the value. So is one that is not UTF-8.
func Variable(getenv func(string) string, name string) (string, error) {
	return clean(name, getenv(name))
}

// Secret is like Variable, but reads the file that the variable name+FileSuffix names, if that is set. No error repeats the value.
func Secret(getenv func(string) string, name string) (string, error) {
	value, err := Variable(getenv, name)
	if err != nil {
		return "", err
	}
	from := name + FileSuffix
	path, err := Variable(getenv, from)
	if err != nil || path == "" {
		return value, err
	}
	if value != "" {
		return "", fmt.Errorf("%s and %s: set one of them, not both", name, from)
	}
	f, err := os.Open(path) //nolint:gosec // the operator's own file
	if err != nil {
		return "", fmt.Errorf("%s: %w", from, err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", from, err)
	case len(text) > maxSecretFile:
		return "", fmt.Errorf("%s: %s is larger than 64 KiB, so it is not a file with a secret", from, path)
	}
	if value, err = clean(from, strings.TrimPrefix(string(text), "\ufeff")); err == nil && value == "" {
		err = fmt.Errorf("%s: %s is empty", from, path)
	}
	return value, err
}

func clean(name, value string) (string, error) {
	value = strings.TrimSpace(value)
	if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') && value[0] == value[n-1] {
		return "", errors.New(name + ": is in quotation marks, which are part of the value in a file and in Docker's --env-file: remove them")
	}
	if !utf8.ValidString(value) {
		return "", errors.New(name + ": is not UTF-8")
	}
	return value, nil
}
