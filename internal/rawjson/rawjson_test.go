package rawjson

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

var texts = []string{
	``, ` `, `null`, ` true `, `false`, `tru`, `nulll`, `0`, `-0`, `01`, `-`, `1.`, `1.5`, `.5`, `1e`, `1e+9`, `1E-0`, `12345678901234567890`, `+1`,
	`""`, `"`, `"a`, `"a\"b"`, `"\u00e9"`, `"\u00g9"`, `"\u00"`, `"\x"`, `"\`, "\"\t\"", "\"\x7f\xff\"", `"0123456789abcdef"`, "\"0123456\x01\"", `"012345é\\"`,
	`[]`, `[ ]`, `[1]`, `[1,2]`, `[1,]`, `[,1]`, `[1 2]`, `[1}`, `[`, `]`, `[[],{}]`, `[1],`,
	`{}`, `{ }`, `{"a":1}`, `{"a" : 1 , "b":[ ]}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,"a":1}`, `{a:1}`, `{"a":1]`, `{"a":1`, `{"a":1 "b":2}`, `{1:2}`, `{"a":{"a":{}}}`,
	"\ufeff1", "1\x00", `{"a":1}{`, "\v1",
	strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000), strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001),
}

// outline is the expected result of Valid, computed differently.
func outline(b []byte) (o Outline) {
	var compact bytes.Buffer
	_ = json.Compact(&compact, b)
	o.Compact = compact.Len() == len(b)
	level := 0
	for d := json.NewDecoder(bytes.NewReader(b)); ; {
		tok, err := d.Token()
		if err != nil {
			return o
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			level++
			o.Depth = max(o.Depth, level)
		case json.Delim('}'), json.Delim(']'):
			level--
		}
	}
}

// Valid agrees with encoding/json.
func FuzzValid(f *testing.F) {
	for _, s := range texts {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, ok := Valid(b)
		if ok != json.Valid(b) {
			t.Fatalf("%q: valid is %v", b, ok)
		}
		if ok && o != outline(b) {
			t.Errorf("%q: %+v, want %+v", b, o, outline(b))
		}
		r := NewReader(b) // terminates, whatever it reads
		for r.More() {
			r.Value()
		}
	})
}

// A Reader finds the members and elements that encoding/json decodes. They are compared by reflect.DeepEqual, because cmp.Diff
// takes twice as long for each level of nested lists.
func FuzzReader(f *testing.F) {
	for _, s := range texts {
		f.Add([]byte(s))
	}
	f.Add([]byte(strings.Repeat("[[],", 999) + "1" + strings.Repeat("]", 999)))
	f.Add([]byte(` { "\u0061" : [ 1 , "x" , {} ] , "a":"\ud800\n" , "b" : { "c" : null } } `))
	f.Fuzz(func(t *testing.T, b []byte) {
		if o, ok := Valid(b); !ok || o.Depth > 1000 {
			return
		}
		var want any
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		r := NewReader(b)
		if got := read(t, r); !reflect.DeepEqual(want, got) {
			t.Errorf("%q: %v, want %v", b, got, want)
		}
		if r.Peek() != 0 {
			t.Errorf("%q: something is left", b)
		}
	})
}

func read(t *testing.T, r *Reader) any {
	t.Helper()
	switch r.Peek() {
	case '{':
		object := map[string]any{}
		for r.Enter(); r.More(); {
			name := r.Name()
			object[name] = read(t, r)
		}
		r.Leave()
		return object
	case '[':
		list := []any{}
		for r.Enter(); r.More(); {
			list = append(list, read(t, r))
		}
		r.Leave()
		return list
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(r.Value()))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Strings are unquoted as by encoding/json.
func FuzzUnquote(f *testing.F) {
	for _, s := range texts {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var want string
		isString := len(b) > 0 && b[0] == '"' && json.Unmarshal(b, &want) == nil
		if got, ok := Unquote(bytes.TrimRight(b, " \t\r\n")); ok != isString || ok && got != want {
			t.Errorf("%q: %q, %v; want %q, %v", b, got, ok, want, isString)
		}
	})
}

func BenchmarkValid(b *testing.B) {
	text := []byte(`{"job_id":"job_42","sequence":"` + strings.Repeat("EVQLVESGGGLVQPGG", 50) + `","scores":[0.1,0.25,1e-3],"ok":true}`)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, ok := Valid(text); !ok {
			b.Fatal("not valid")
		}
	}
}

func BenchmarkEncodingJSON(b *testing.B) {
	text := []byte(`{"job_id":"job_42","sequence":"` + strings.Repeat("EVQLVESGGGLVQPGG", 50) + `","scores":[0.1,0.25,1e-3],"ok":true}`)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if !json.Valid(text) {
			b.Fatal("not valid")
		}
	}
}
