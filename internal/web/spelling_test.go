package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Names in messages are those of REST; operators, and what callers wrote, stay as they are.
func TestMessagesNameFields(t *testing.T) {
	for message, want := range map[string]string{
		"must be after deliverAt":                               "must be after deliver_at",
		"retryScheduleMs must be given":                         "retry_schedule_ms must be given",
		"is no operator: there are $startsWith, $endsWith":      "is no operator: there are $startsWith, $endsWith",
		`placeholder 1 begins with "dataOf", see includeFields`: `placeholder 1 begins with "dataOf", see include_fields`,
		"must be like customer.fullName":                        "must be like customer.fullName",
		"/lineItems/0/x-fullName must be of type string (rule /properties/lineItems/minLength of the type's schema)": "/lineItems/0/x-fullName must be of type string (rule /properties/lineItems/minLength of the type's schema)",
		"at /$defs/orderId/a~1bC: refers to itself": "at /$defs/orderId/a~1bC: refers to itself",
	} {
		if got := snakeNames(message); got != want {
			t.Errorf("%q: %q, want %q", message, got, want)
		}
	}
	for field, want := range map[string]string{
		"payload.includeFields.0": "payload.include_fields.0", "payload.template.blocks.0.imageUrl": "payload.template.blocks.0.imageUrl",
		"filter.data.jobId.$startsWith": "filter.data.jobId.$startsWith", "filter.$or.0.data.jobId": "filter.$or.0.data.jobId",
		"filter.createdAt.from": "filter.created_at.from", "data.jobId": "data.jobId",
	} {
		if got := snake(field); got != want {
			t.Errorf("%q: %q, want %q", field, got, want)
		}
	}
}

// graphQLOnly are names in messages of what REST does not have.
var graphQLOnly = map[string]bool{"bucketMs": true, "eventId": true}

// No message about invalid input has a name in camel case when REST shows it, in whatever package it is written.
func TestNoMessageInCamelCase(t *testing.T) {
	camel := regexp.MustCompile(`[^$\w][a-z]+[A-Z]\w*`)
	quoted := regexp.MustCompile(`"[^"]*"`) // an example of what callers write
	messages := 0
	look := func(file string, text ast.Expr) {
		ast.Inspect(text, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			message, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			messages++
			shown := translateInvalid([]*webhook.Invalid{{Message: message}}, snake).detail.Message
			if found := camel.FindString(" " + quoted.ReplaceAllString(shown, "")); found != "" && !graphQLOnly[strings.TrimSpace(found)] {
				t.Errorf("%s: %q has %q", file, shown, found)
			}
			return true
		})
	}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == "node_modules" {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				name := ""
				switch f := n.Fun.(type) {
				case *ast.Ident:
					name = f.Name
				case *ast.SelectorExpr:
					name = f.Sel.Name
				}
				if (name == "Invalidf" || name == "wrong") && len(n.Args) > 2 {
					look(path, n.Args[2])
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Message" {
					look(path, n.Value)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if messages < 200 {
		t.Fatalf("%d messages were found", messages)
	}
}
