// Command lean is a step of go generate. It rewrites gqlgen's code where that spends, on each object and field, what this schema
// never needs. The functions that replace it, and the reasons, are in graph/execute.go.
package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
)

func main() {
	if err := rewrite(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "lean:", err)
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
		{"graphql.NewFieldSet(", "newFieldSet(ctx, "},
		{"deferred := graphql.NewDeferredGroup(ctx)", "var deferred graphql.DeferredGroup"}, // for @defer, which the schema does not have
		{"graphql.ResolveFieldStream(", "resolveStream("},
		{"var buf bytes.Buffer", "var buf answer"},
		{"data.MarshalGQL(&buf)", "buf.take(ctx, data)"},
		{"\t\"bytes\"\n", ""},
	} {
		if !bytes.Contains(code, []byte(change.from)) {
			return fmt.Errorf("%s does not have %s: does gqlgen still need this?", file, change.from)
		}
		code = bytes.ReplaceAll(code, []byte(change.from), []byte(change.to))
	}
	code, n := readPlainly(code)
	if n == 0 {
		return fmt.Errorf("%s has no field that is plain: does gqlgen write fields otherwise?", file)
	}
	return os.WriteFile(file, code, 0o600) //nolint:gosec // the same file, which keeps its mode
}

// A plain field is a scalar field of the object's struct, or a method that returns only that. It cannot fail, provided that the Go
// type cannot be null if the schema's type cannot, and that it is neither a float (JSON has no NaN) nor a list.
var (
	scalar = regexp.MustCompile(`fieldContext_(\w+)\(_ context\.Context, field graphql\.CollectedField\) \(fc \*graphql\.FieldContext, err error\) \{
	return graphql\.NewScalarFieldContext\("\w+", field, (?:true|false), false, "\w+"\)
`)
	read = regexp.MustCompile(`return graphql\.ResolveField\(
		ctx,
		ec\.OperationContext,
		field,
		func\(ctx context\.Context, field graphql\.CollectedField\) \(\*graphql\.FieldContext, error\) \{
			return ec\.fieldContext_(\w+)\(ctx, field\)
		\},
		func\(ctx context\.Context\) \(any, error\) \{
			return (obj\.\w+(?:\(\))?), nil
		\},
		nil,
		func\(ctx context\.Context, selections ast\.SelectionSet, v ([\w.]+|\*[\w.]+)\) graphql\.Marshaler \{
			return (ec\.marshal([NO])\S+)\(ctx, selections, v\)
		\},
		true,
		(?:true|false),
	\)
`)
)

// readPlainly reads plain fields without a field context, which only fields that can fail or have subfields need. It returns their
// number.
func readPlainly(code []byte) ([]byte, int) {
	scalars := map[string]bool{}
	for _, m := range scalar.FindAllSubmatch(code, -1) {
		scalars[string(m[1])] = true
	}
	n := 0
	code = read.ReplaceAllFunc(code, func(field []byte) []byte {
		m := read.FindSubmatch(field)
		value, typ, marshal, kind := m[2], string(m[3]), m[4], string(m[5])
		if !scalars[string(m[1])] || typ == "float64" || typ == "*float64" || kind == "N" && typ[0] == '*' {
			return field
		}
		n++
		return fmt.Appendf(nil, "return %s(ctx, field.Selections, %s)\n", marshal, value)
	})
	return code, n
}
