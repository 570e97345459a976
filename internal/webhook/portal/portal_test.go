package portal

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// A link that breaks a rule is refused, with the field; one at the bounds is accepted.
func TestLinkRules(t *testing.T) {
	png := "\x89PNG\r\n\x1a\n"
	logo := func(kind, content string) *Theme {
		return &Theme{Logo: "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString([]byte(content))}
	}
	for name, tc := range map[string]struct {
		change func(l *Link)
		field  string
	}{
		"as it is":            {func(*Link) {}, ""},
		"no label":            {func(l *Link) { l.Label = "" }, "label"},
		"a long label":        {func(l *Link) { l.Label = strings.Repeat("ä", MaxLabelChars+1) }, "label"},
		"a label with NUL":    {func(l *Link) { l.Label = "a\x00" }, "label"},
		"no scopes":           {func(l *Link) { l.Scopes = nil }, "scopes"},
		"admin":               {func(l *Link) { l.Scopes = append(l.Scopes, webhook.ScopeAdmin) }, "scopes.1"},
		"no such scope":       {func(l *Link) { l.Scopes = webhook.TokenScopes{"all"} }, "scopes.0"},
		"more than granted":   {func(l *Link) { l.Granted = webhook.TokenScopes{webhook.ScopeAdmin} }, "scopes.0"},
		"a short link":        {func(l *Link) { l.LifeMs = new(999) }, "expiresInMs"},
		"a long link":         {func(l *Link) { l.LifeMs = new(int(MaxLinkLife.Milliseconds()) + 1) }, "expiresInMs"},
		"a link of no time":   {func(l *Link) { l.LifeMs = new(0) }, "expiresInMs"},
		"a session of none":   {func(l *Link) { l.SessionMs = new(0) }, "sessionExpiresInMs"},
		"a negative session":  {func(l *Link) { l.SessionMs = new(-1) }, "sessionExpiresInMs"},
		"the longest":         {func(l *Link) { l.LifeMs, l.SessionMs = new(86_400_000), new(86_400_000) }, ""},
		"another host":        {func(l *Link) { l.StartPath = "//evil.example" }, "startPath"},
		"a backslash":         {func(l *Link) { l.StartPath = `/\evil.example` }, "startPath"},
		"a scheme":            {func(l *Link) { l.StartPath = "javascript:alert(1)" }, "startPath"},
		"a fragment":          {func(l *Link) { l.StartPath = "/a#b" }, "startPath"},
		"a line":              {func(l *Link) { l.StartPath = "/a\nb" }, "startPath"},
		"a path with a query": {func(l *Link) { l.StartPath = "/deliveries?q=status%3Afailed" }, ""},
		"a long path":         {func(l *Link) { l.StartPath = "/" + strings.Repeat("a", MaxPathBytes) }, "startPath"},
		"a color":             {func(l *Link) { l.Theme = &Theme{AccentColor: "red;background:url(//x)"} }, "theme.accentColor"},
		"an appearance":       {func(l *Link) { l.Theme = &Theme{Appearance: "PINK"} }, "theme.appearance"},
		"a long name":         {func(l *Link) { l.Theme = &Theme{Name: strings.Repeat("x", MaxNameChars+1)} }, "theme.name"},
		"a PNG":               {func(l *Link) { l.Theme = logo("image/png", png+strings.Repeat("x", MaxLogoBytes-len(png))) }, ""},
		"a large PNG":         {func(l *Link) { l.Theme = logo("image/png", png+strings.Repeat("x", MaxLogoBytes)) }, "theme.logo"},
		"a JPEG as PNG":       {func(l *Link) { l.Theme = logo("image/png", "\xff\xd8\xff") }, "theme.logo"},
		"an SVG":              {func(l *Link) { l.Theme = logo("image/svg+xml", "<svg/>") }, "theme.logo"},
		"a URL":               {func(l *Link) { l.Theme = &Theme{Logo: "https://example.com/logo.png"} }, "theme.logo"},
		"a WebP":              {func(l *Link) { l.Theme = logo("image/webp", "RIFF\x00\x00\x00\x00WEBPVP8 ") }, ""},
	} {
		l := Link{Label: "ada", Scopes: webhook.TokenScopes{webhook.ScopeWebhooksRead}}
		tc.change(&l)
		s, err := l.Session(time.Now())
		all := webhook.Invalids(err)
		if tc.field == "" {
			if err != nil || s.StartPath == "" {
				t.Errorf("%s: %v", name, err)
			}
		} else if len(all) != 1 || all[0].Field != tc.field {
			t.Errorf("%s: %v, want %s", name, err, tc.field)
		}
	}
}

// Codes and credentials differ, and secret scanners can tell them.
func TestSecrets(t *testing.T) {
	code, hash := NewCode()
	credential, other := NewCredential()
	if len(code) != 47 || len(credential) != 47 || code[:4] != "hgl_" || credential[:4] != "hgp_" || code[4:] == credential[4:] || string(hash) == string(other) {
		t.Error("a code or credential has another form")
	}
}
