// Command inorder is a step of go generate: it rewrites the code that gqlgen has made so that the elements of a list are
// resolved one after the other (marshalSlice in package graph), where gqlgen starts a goroutine for each.
package main

import (
	"bytes"
	"fmt"
	"os"
)

func main() {
	if err := rewrite(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "inorder:", err)
		os.Exit(1)
	}
}

func rewrite(file string) error {
	code, err := os.ReadFile(file) //nolint:gosec // a source file of ours, named in resolver.go
	if err != nil {
		return err
	}
	from, to := []byte("graphql.MarshalSliceConcurrently("), []byte("marshalSlice(")
	if !bytes.Contains(code, from) {
		return fmt.Errorf("%s does not call MarshalSliceConcurrently: does gqlgen still need this?", file)
	}
	return os.WriteFile(file, bytes.ReplaceAll(code, from, to), 0o600) //nolint:gosec // the same file, which keeps its mode
}
