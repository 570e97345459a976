package portal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Theme makes the portal look like a part of the platform.
type Theme struct {
	Name        string     `json:"name,omitempty"`        // of the platform; "": none is shown
	Logo        string     `json:"logo,omitempty"`        // a data URL of an image; "": none
	AccentColor string     `json:"accentColor,omitempty"` // #rrggbb; "": the portal's own
	Appearance  Appearance `json:"appearance,omitempty"`
}

// Appearance is whether the portal is light or dark.
type Appearance string

// The appearances.
const (
	Light Appearance = "LIGHT"
	Dark  Appearance = "DARK"
	Auto  Appearance = "AUTO" // as the browser prefers
)

// Appearances are all appearances.
var Appearances = []Appearance{Light, Dark, Auto}

// Bounds of a theme.
const (
	MaxNameChars = 60
	MaxLogoBytes = 32 << 10 // of the image
)

// images are the kinds of images that a logo may be, with what their files begin with. SVG is not among them: it may have scripts.
var images = map[string]func(b []byte) bool{
	"image/png":  func(b []byte) bool { return bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")) },
	"image/jpeg": func(b []byte) bool { return bytes.HasPrefix(b, []byte("\xff\xd8\xff")) },
	"image/webp": func(b []byte) bool {
		return bytes.HasPrefix(b, []byte("RIFF")) && len(b) > 12 && string(b[8:12]) == "WEBP"
	},
}

var color = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

// check applies the rules; the error joins an *Invalid for every broken rule.
func (t *Theme) check() error {
	var errs []error
	bad := func(field string, code webhook.Code, format string, args ...any) {
		errs = append(errs, webhook.Invalidf("theme."+field, code, format, args...))
	}
	if utf8.RuneCountInString(t.Name) > MaxNameChars {
		bad("name", webhook.CodeTooLong, "must be at most %d characters", MaxNameChars)
	} else if !webhook.IsText(t.Name) {
		bad("name", webhook.CodeInvalid, "must be UTF-8 without U+0000")
	}
	if t.Logo != "" {
		if code, problem := checkLogo(t.Logo); problem != "" {
			bad("logo", code, problem, MaxLogoBytes)
		}
	}
	if t.AccentColor != "" && !color.MatchString(t.AccentColor) {
		bad("accentColor", webhook.CodeInvalid, "must be like #0a7d5c")
	}
	switch t.Appearance {
	case "":
		t.Appearance = Auto
	case Light, Dark, Auto:
	default:
		bad("appearance", webhook.CodeInvalid, "must be LIGHT, DARK or AUTO")
	}
	return errors.Join(errs...)
}

// checkLogo returns what is wrong with a logo; "" if nothing.
func checkLogo(logo string) (webhook.Code, string) {
	if len(logo) > len("data:image/jpeg;base64,")+base64.StdEncoding.EncodedLen(MaxLogoBytes) {
		return webhook.CodeTooLong, "must be an image of at most %d bytes"
	}
	kind, text, ok := strings.Cut(strings.TrimPrefix(logo, "data:"), ";base64,")
	image, err := base64.StdEncoding.Strict().DecodeString(text)
	if is := images[kind]; !ok || !strings.HasPrefix(logo, "data:") || is == nil || err != nil || strings.ContainsAny(text, "\r\n") || !is(image) {
		return webhook.CodeInvalid, "must be a data URL of a PNG, JPEG or WebP image in base64, such as data:image/png;base64,…, of at most %d bytes"
	}
	return "", ""
}
