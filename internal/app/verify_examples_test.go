package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// verifiers are the examples of docs/verify.md: what builds each in the folder OUT, and what runs it. Under CI every tool is there.
var verifiers = map[string]struct {
	build, run []string
	hmacOnly   bool // the language's library has no Ed25519
}{
	"go":     {build: []string{"go", "build", "-o", "OUT/go", "./docs/examples/verify/go"}, run: []string{"OUT/go"}},
	"node":   {run: []string{"node", "docs/examples/verify/node/vectors.mjs"}},
	"python": {run: []string{"python3", "-B", "docs/examples/verify/python/vectors.py"}, hmacOnly: true},
	"ruby":   {run: []string{"ruby", "-W", "docs/examples/verify/ruby/vectors.rb"}},
	"php":    {run: []string{"php", "-d", "error_reporting=-1", "docs/examples/verify/php/vectors.php"}},
	"java": {
		build: []string{"javac", "-Xlint:all", "-Werror", "-d", "OUT", "docs/examples/verify/java/Verify.java", "docs/examples/verify/java/Vectors.java"},
		run:   []string{"java", "-cp", "OUT", "Vectors"},
	},
	"csharp": {
		build: []string{"mcs", "-langversion:7", "-warnaserror", "-out:OUT/vectors.exe", "docs/examples/verify/csharp/Webhook.cs", "docs/examples/verify/csharp/Vectors.cs"},
		run:   []string{"mono", "OUT/vectors.exe"}, hmacOnly: true,
	},
	"rust": {
		build: []string{"rustc", "--edition", "2021", "-D", "warnings", "-o", "OUT/vectors", "docs/examples/verify/rust/vectors.rs"},
		run:   []string{"OUT/vectors"}, hmacOnly: true,
	},
}

// The example of each language agrees with docs/vectors.json, except that of v1a where its library has no Ed25519. It finds each vector that
// is wrong.
func TestVerifyExamples(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			Scheme string
			Valid  bool
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	schemes, wrong := map[string]int{}, map[string]string{}
	for i, v := range file.Vectors {
		schemes[v.Scheme]++
		if kind := fmt.Sprint(v.Scheme, v.Valid); wrong[kind] == "" {
			wrong[kind] = withWrong(t, text, i)
		}
	}
	if len(schemes) != 2 || len(wrong) != 4 {
		t.Fatal(schemes, wrong)
	}
	folders, err := filepath.Glob("docs/examples/verify/*")
	if err != nil || len(folders) != len(verifiers) {
		t.Fatalf("%d examples for %v", len(verifiers), folders)
	}
	for name, v := range verifiers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := t.TempDir()
			for _, command := range [][]string{v.build, v.run} {
				if len(command) > 0 && !strings.HasPrefix(command[0], "OUT") {
					if _, err := exec.LookPath(command[0]); err != nil && os.Getenv("CI") != "true" {
						t.Skip(err)
					}
				}
			}
			if len(v.build) > 0 {
				if said, err := inFolder(t, out, v.build).CombinedOutput(); err != nil {
					t.Fatalf("%v %s", err, said)
				}
			}
			want := fmt.Sprintf("%s: %d agree, 0 skipped\n", name, len(file.Vectors))
			if v.hmacOnly {
				want = fmt.Sprintf("%s: %d agree, %d skipped\n", name, schemes["v1"], schemes["v1a"])
			}
			if said, err := inFolder(t, out, append(slices.Clip(v.run), "docs/vectors.json")).CombinedOutput(); err != nil || string(said) != want {
				t.Errorf("%v %s, want %s", err, said, want)
			}
			for kind, file := range wrong {
				if v.hmacOnly && (kind == "v1atrue" || kind == "v1afalse") {
					continue
				}
				if said, err := inFolder(t, out, append(slices.Clip(v.run), file)).CombinedOutput(); err == nil || !bytes.HasPrefix(said, []byte(name+": v1")) {
					t.Errorf("the wrong vector of %s was not found: %v %s", kind, err, said)
				}
			}
		})
	}
}

// withWrong writes the vectors with one that says the opposite, and returns the file's name.
func withWrong(t *testing.T, text []byte, i int) string {
	t.Helper()
	var file struct {
		Vectors []map[string]any `json:"vectors"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	file.Vectors[i]["valid"] = file.Vectors[i]["valid"] != true
	for _, v := range file.Vectors {
		now, _ := v["now"].(float64)
		v["now"] = int64(now) // not 1.776952801e+09
	}
	changed, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "vectors.json")
	if err := os.WriteFile(name, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// inFolder returns the command, with OUT replaced by the folder.
func inFolder(t *testing.T, out string, command []string) *exec.Cmd {
	t.Helper()
	args := make([]string, len(command))
	for i, a := range command {
		args[i] = strings.ReplaceAll(a, "OUT", out)
	}
	return exec.CommandContext(t.Context(), args[0], args[1:]...)
}
