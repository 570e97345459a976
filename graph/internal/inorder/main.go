// Command inorder is a step of go generate: it rewrites the code that gqlgen has made so that the elements of a list are
// resolved one after the other (marshalSlice in package graph), where gqlgen starts a goroutine for each; and so that
// no object is prepared for @defer, which the schema does not have.
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
	for _, change := range []struct{ from, to string }{
		{"graphql.MarshalSliceConcurrently(", "marshalSlice("},
		{"deferred := graphql.NewDeferredGroup(ctx)", "var deferred graphql.DeferredGroup"},
	} {
		if !bytes.Contains(code, []byte(change.from)) {
			return fmt.Errorf("%s does not have %s: does gqlgen still need this?", file, change.from)
		}
		code = bytes.ReplaceAll(code, []byte(change.from), []byte(change.to))
	}
	return os.WriteFile(file, code, 0o600) //nolint:gosec // the same file, which keeps its mode
}
