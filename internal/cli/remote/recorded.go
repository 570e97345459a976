package remote

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hookgraph/hookgraph/internal/datadir"
	"github.com/hookgraph/hookgraph/internal/signature"
)

// recordedEnd is how the names of files with requests end. Before it they have a number, by which they are in order, and what the request is.
const recordedEnd = ".http"

// recorder writes requests to a directory, each to a file: the header fields, a line each, an empty line, and the body as it is.
type recorder struct {
	dir    string
	number int    // of the last file
	last   string // its name
}

func newRecorder(dir string) (*recorder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("--record: %w", err)
	}
	names, err := recordings(dir)
	if err != nil {
		return nil, fmt.Errorf("--record: %w", err)
	}
	r := &recorder{dir: dir}
	for _, name := range names {
		var number int
		if _, err := fmt.Sscanf(name, "%d-", &number); err == nil && number >= r.number {
			r.number, r.last = number, name
		}
	}
	return r, nil
}

// write records a request under a name that says what it is. The same name again, right after the first, replaces the file: a run that was
// killed between the file and the note of it writes both again.
func (r *recorder) write(what string, q *request) (string, error) {
	what = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-' {
			return c
		}
		return '_'
	}, what)
	end := "-" + what[:min(len(what), 200)] + recordedEnd
	number := r.number
	if !strings.HasSuffix(r.last, end) {
		number++
	}
	name := fmt.Sprintf("%08d%s", number, end)
	var text bytes.Buffer
	if err := q.header.Write(&text); err != nil {
		return "", err
	}
	text.WriteString("\r\n")
	text.Write(q.body)
	path := filepath.Join(r.dir, name)
	if err := datadir.Write(path, text.String(), os.Rename); err != nil {
		return "", &unwritten{fmt.Errorf("--record: %w", err)}
	}
	r.number, r.last = number, name
	return path, nil
}

// recordings returns the names of a directory's files with requests, in order.
func recordings(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), recordedEnd) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// recordedRequest reads a file with a request.
func recordedRequest(path string) (*request, error) {
	text, err := content(nil, path)
	if err != nil {
		return nil, err
	}
	lines, body, found := bytes.Cut(text, []byte("\r\n\r\n"))
	if !found {
		return nil, errors.New("has no empty line after its headers; lines end with CR LF")
	}
	q := &request{header: http.Header{}, body: body}
	if q.header, err = headers(lines); err != nil {
		return nil, err
	}
	if q.id = q.header.Get(signature.HeaderID); q.id == "" {
		return nil, errors.New("has no header " + signature.HeaderID)
	}
	return q, nil
}
