package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/rawjson"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// object is a JSON object that is written. Its members are sorted by name.
type object map[string]any

// dialect is the JSON Schema of declared types that name none.
const dialect = "https://json-schema.org/draft/2020-12/schema"

// Write returns an OpenAPI 3.1 document of declared types: a webhook for each, whose body is a whole delivery. Read returns the same types of it.
func Write(title string, types []*webhook.EventType) ([]byte, error) {
	hooks, schemas := object{}, object{}
	for _, t := range types {
		if t.Schema != nil {
			text, err := embedded(t, "#/components/schemas/"+t.Name)
			if err != nil {
				return nil, err
			}
			schemas[t.Name] = json.RawMessage(text)
		}
		media := object{"schema": body(t, "#/components/schemas/"+t.Name)}
		if t.Example != nil {
			media["example"] = example(t)
		}
		op := object{
			"parameters":  []object{ref("#/components/parameters/webhook-id"), ref("#/components/parameters/webhook-timestamp"), ref("#/components/parameters/webhook-signature")},
			"requestBody": object{"required": true, "content": object{"application/json": media}},
			"responses":   object{"2XX": object{"description": "The event was received. Any other status is a failed attempt, which is repeated later."}},
			// So that an import keeps it.
			validationName: t.Validation,
		}
		if t.Description != "" {
			op["description"] = t.Description
		}
		if t.DeprecatedAt != nil {
			op["deprecated"] = true
		}
		hooks[t.Name] = object{"post": op}
	}
	parameters := object{}
	for name, is := range headers {
		parameters[name] = object{"name": name, "in": "header", "required": true, "description": is, "schema": object{"type": "string"}}
	}
	return rawjson.Marshal(struct {
		OpenAPI    string `json:"openapi"`
		Info       object `json:"info"`
		Dialect    string `json:"jsonSchemaDialect"`
		Webhooks   object `json:"webhooks"`
		Components object `json:"components"`
	}{"3.1.1", info(title, types), dialect, hooks, object{"schemas": schemas, "parameters": parameters}})
}

// WriteAsync returns an AsyncAPI 3 document of declared types: a message for each, whose payload is a whole delivery.
func WriteAsync(title string, types []*webhook.EventType) ([]byte, error) {
	const format = "application/schema+json;version=draft-2020-12"
	messages, schemas, listed := object{}, object{}, object{}
	properties := object{}
	for name, is := range headers {
		properties[name] = object{"type": "string", "description": is}
	}
	for _, t := range types {
		if t.Schema != nil {
			text, err := embedded(t, "#/components/schemas/"+t.Name+"/schema")
			if err != nil {
				return nil, err
			}
			schemas[t.Name] = object{"schemaFormat": format, "schema": json.RawMessage(text)}
		}
		payload := body(t, "#/components/schemas/"+t.Name+"/schema")
		if t.DeprecatedAt != nil {
			payload["deprecated"] = true
		}
		message := object{
			"name": t.Name, "contentType": "application/json", "payload": object{"schemaFormat": format, "schema": payload},
			"headers": object{"type": "object", "properties": properties},
		}
		if t.Description != "" {
			message["description"] = t.Description
		}
		if t.Example != nil {
			message["examples"] = []object{{"payload": example(t)}}
		}
		messages[t.Name], listed[t.Name] = message, ref("#/components/messages/"+t.Name)
	}
	return rawjson.Marshal(struct {
		AsyncAPI    string `json:"asyncapi"`
		Info        object `json:"info"`
		ContentType string `json:"defaultContentType"`
		Channels    object `json:"channels"`
		Operations  object `json:"operations"`
		Components  object `json:"components"`
	}{
		"3.0.0", info(title, types), "application/json",
		object{"webhooks": object{"address": nil, "description": "The URL of each webhook, to which events are sent by POST.", "messages": listed}},
		object{"deliver": object{"action": "send", "channel": ref("#/channels/webhooks")}},
		object{"messages": messages, "schemas": schemas},
	})
}

// headers of a delivery, as Standard Webhooks has them.
var headers = map[string]string{
	"webhook-id":        "The ID of the event, the same at every attempt.",
	"webhook-timestamp": "When the attempt was made, in seconds since 1970.",
	"webhook-signature": "The signatures, separated by spaces.",
}

func ref(to string) object { return object{"$ref": to} }

// info has the time of the last change as the version; 0 if nothing is declared.
func info(title string, types []*webhook.EventType) object {
	var last time.Time
	for _, t := range types {
		if t.UpdatedAt.After(last) {
			last = t.UpdatedAt
		}
	}
	if last.IsZero() {
		return object{"title": title, "version": "0"}
	}
	return object{"title": title, "version": last.UTC().Format(time.RFC3339)}
}

// body is the schema of a delivery of the type.
func body(t *webhook.EventType, schema string) object {
	properties := object{
		"type":      object{"const": t.Name},
		"timestamp": object{"type": "string", "format": "date-time", "description": "When it happened."},
	}
	if t.Schema != nil {
		properties["data"] = ref(schema)
	}
	return object{"type": "object", "required": []string{"type", "timestamp", "data"}, "properties": properties}
}

func example(t *webhook.EventType) object {
	return object{"type": t.Name, "timestamp": "2026-01-01T00:00:00Z", "data": json.RawMessage(*t.Example)}
}

// embedded returns the schema of a type as a part of a document, at the place. References to the schema itself lead there; where that is not
// certain, the schema gets an $id, to which they are relative.
func embedded(t *webhook.EventType, at string) ([]byte, error) {
	n, err := parse([]byte(*t.Schema))
	if err != nil {
		return nil, fmt.Errorf("read the schema of event type %s: %w", t.Name, err)
	}
	if n.kind != '{' || n.get("$id") != nil || n.get("id") != nil {
		return []byte(*t.Schema), nil
	}
	if needsID(n) {
		id := &node{kind: '{'}
		var text bytes.Buffer
		writeString(&text, idPrefix+t.Name)
		id.add("$id", &node{kind: '"', text: text.Bytes()})
		for i, name := range n.names {
			id.add(name, n.members[i])
		}
		return []byte(id.String()), nil
	}
	var b bytes.Buffer
	w := references{visit: func(ref string) (string, error) {
		if rest, ok := strings.CutPrefix(ref, "#"); ok {
			return at + rest, nil
		}
		return ref, nil
	}}
	err = w.schema(&b, n, true)
	return b.Bytes(), err
}

// needsID reports whether a schema is of another dialect, or has anchors or addresses of its own.
func needsID(n *node) bool {
	if n.get("$schema") != nil || n.get("$anchor") != nil {
		return true
	}
	return anchored(n)
}

func anchored(n *node) bool {
	for i, one := range n.members {
		if n.kind == '{' && one.kind == '"' && (n.names[i] == "$anchor" || n.names[i] == "$id" || n.names[i] == "id" && strings.HasPrefix(one.str(), "#")) {
			return true
		}
		if anchored(one) {
			return true
		}
	}
	return false
}
