package web

import (
	"regexp"
	"strings"
)

// The domain names fields as GraphQL does; REST has them in snake case.

var (
	upper = regexp.MustCompile(`[A-Z]`)
	// named is a name of several words in a message. Operators, like $startsWith, are the same in both, and so are paths in the caller's JSON,
	// like /orderId/itemCount.
	named = regexp.MustCompile(`(?:^|[^\w$./~-])[a-z]+(?:[A-Z][a-z]+)+\b`)
)

// theirs are fields whose content is the caller's JSON: the names in it are not the API's.
var theirs = map[string]bool{"data": true, "template": true, "metadata": true, "schema": true, "example": true}

// snake converts the path of a field to REST's: idempotencyKey becomes idempotency_key. Names within the caller's JSON, and operators of a
// filter, stay as they are.
func snake(field string) string {
	path := strings.Split(field, ".")
	for i, name := range path {
		if strings.HasPrefix(name, "$") {
			break
		}
		path[i] = lowered(name)
		if theirs[name] {
			break
		}
	}
	return strings.Join(path, ".")
}

// snakeNames converts the names of fields in a message. What is quoted is the caller's.
func snakeNames(message string) string {
	parts := strings.Split(message, `"`)
	for i := 0; i < len(parts); i += 2 {
		parts[i] = named.ReplaceAllStringFunc(parts[i], lowered)
	}
	return strings.Join(parts, `"`)
}

func lowered(name string) string {
	return upper.ReplaceAllStringFunc(name, func(s string) string { return "_" + strings.ToLower(s) })
}
