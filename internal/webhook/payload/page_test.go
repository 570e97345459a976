package payload

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/schema"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

func page(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("../../../docs/payloads.md")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The event of docs/payloads.md.
func paid(t *testing.T) *webhook.Event {
	t.Helper()
	block := regexp.MustCompile("(?s)with the tags `live` and `eu`:\n\n```json\n(.*?)```").FindSubmatch(page(t))
	if block == nil {
		t.Fatal("the page has no event")
	}
	n := webhook.NewEvent{Type: "order.paid", Data: block[1]}
	if err := n.Check("", 1<<20); err != nil {
		t.Fatal(err)
	}
	e := event(string(n.Data))
	e.Tags = []string{"live", "eu"}
	return e
}

// The settings in the tables of docs/payloads.md make of its event what the page says.
func TestPayloadsPage(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\| `([\\[{].*[\\]}])` \\| `([\\[{].*[\\]}])` \\|$").FindAllSubmatch(page(t), -1)
	if len(rows) != 11 {
		t.Fatalf("%d rows were found", len(rows))
	}
	for i, row := range rows {
		source, want := strings.ReplaceAll(string(row[1]), `\|`, "|"), string(row[2])
		s := &webhook.Payload{Format: webhook.PayloadTemplate, Template: &source}
		if i < 3 {
			s = &webhook.Payload{Format: webhook.PayloadCloudEventsBinary}
			if err := json.Unmarshal(row[1], &s.IncludeFields); err != nil {
				t.Fatal(err)
			}
		}
		p, err := Compile("payload", s)
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		if b, err := p.Render(paid(t), nil); err != nil || string(b.Bytes) != want {
			t.Errorf("%s: %s %v", source, b.Bytes, err)
		}
	}
}

// The page's templates for chats make messages in the shapes that these publish (testdata), of its event and of events that have nothing that
// the templates ask for, too much of it, or what would be markup.
func TestChatTemplates(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```json (slack|discord|teams)\n(.*?)```").FindAllSubmatch(page(t), -1)
	if len(blocks) != 3 {
		t.Fatalf("%d templates were found", len(blocks))
	}
	long := strings.Repeat(`é\"<!channel>@everyone`, 1000)
	events := []*webhook.Event{
		paid(t), event(`{}`), event(`[]`), event(`null`), event(`{"customer":{"name":{"first":"A"}},"total":[1],"items":{}}`),
		event(`{"customer":{"name":"` + long + `"},"total":"` + long + `","items":["` + long + `"]}`), event(`{"customer":{"name":7},"total":true,"items":1e9}`),
	}
	for _, block := range blocks {
		shape, err := os.ReadFile("testdata/" + string(block[1]) + ".json")
		if err != nil {
			t.Fatal(err)
		}
		published, err := schema.Compile(shape)
		if err != nil {
			t.Fatal(err)
		}
		p := template(t, string(block[2]))
		for _, e := range events {
			b, err := p.Render(e, nil)
			if err != nil {
				t.Fatal(err)
			}
			if wrong, ok := published.Check(b.Bytes, &schema.Budget{Steps: schema.MaxSteps}); !ok || len(wrong) > 0 {
				t.Errorf("%s: %.300s: %v", block[1], b.Bytes, wrong)
			}
			if bytes.Contains(b.Bytes, []byte("mrkdwn")) {
				t.Errorf("%s: text of events is markup", block[1])
			}
		}
		if wrong, ok := published.Check([]byte(`{}`), &schema.Budget{Steps: schema.MaxSteps}); !ok || len(wrong) == 0 {
			t.Errorf("%s: the shape accepts anything", block[1])
		}
	}
}
