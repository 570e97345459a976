package gqlhttp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ReadTrustedDocuments reads documents for Config.TrustedDocuments. path is a JSON object from SHA-256 to document, as
// graphql-codegen's persistedDocuments writes it with hashAlgorithm "sha256"; or a directory, in which each *.graphql or *.gql
// file, also in subdirectories, is a document. A key that is not its document's hash is an error, because no client could use it;
// so is the absence of any document.
func ReadTrustedDocuments(path string) (map[string]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	var trusted map[string]string
	if info.IsDir() {
		trusted, err = readDocuments(os.DirFS(path))
	} else {
		trusted, err = readManifest(path)
	}
	if err == nil && len(trusted) == 0 {
		err = errors.New("no documents")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return trusted, nil
}

func readManifest(path string) (map[string]string, error) {
	b, err := os.ReadFile(path) //nolint:gosec // the operator names it
	if err != nil {
		return nil, err
	}
	var manifest map[string]string
	if err := json.Unmarshal(b, &manifest); err != nil {
		return nil, fmt.Errorf("must be a JSON object of hash to document: %w", err)
	}
	trusted := make(map[string]string, len(manifest))
	for key, document := range manifest {
		hash := strings.TrimPrefix(key, "sha256:") // as graphql-codegen's client preset writes it since version 6
		if sha256Hex(document) != hash {
			return nil, fmt.Errorf(`%q is not the SHA-256 of its document; with graphql-codegen, set hashAlgorithm: "sha256"`, key)
		}
		trusted[hash] = document
	}
	return trusted, nil
}

func readDocuments(dir fs.FS) (map[string]string, error) {
	trusted := map[string]string{}
	err := fs.WalkDir(dir, ".", func(name string, entry fs.DirEntry, err error) error {
		if ext := filepath.Ext(name); err != nil || entry.IsDir() || ext != ".graphql" && ext != ".gql" {
			return err
		}
		b, err := fs.ReadFile(dir, name)
		if err != nil {
			return err
		}
		trusted[sha256Hex(string(b))] = string(b)
		return nil
	})
	return trusted, err
}
