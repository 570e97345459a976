package web

import (
	"encoding/json"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// proof is the authentication of a webhook as REST shows it, without what is secret.
type proof struct {
	Kinds       []webhook.AuthenticationKind `json:"kinds"`
	Basic       *basicProof                  `json:"basic,omitempty"`
	OAuth2      *oauth2Proof                 `json:"oauth2,omitempty"`
	Certificate *certificateProof            `json:"certificate,omitempty"`
}

type basicProof struct {
	Username string `json:"username"`
}

type oauth2Proof struct {
	TokenURL             string                             `json:"token_url"`
	ClientID             string                             `json:"client_id"`
	ClientAuthentication webhook.OAuth2ClientAuthentication `json:"client_authentication"`
	Scopes               []string                           `json:"scopes,omitempty"`
	Audience             *string                            `json:"audience,omitempty"`
	Parameters           []parameterProof                   `json:"parameters,omitempty"`
}

type parameterProof struct {
	Name string `json:"name"`
}

type certificateProof struct {
	Subject      string `json:"subject"`
	Issuer       string `json:"issuer"`
	SerialNumber string `json:"serial_number"`
	Fingerprint  string `json:"fingerprint"`
	NotBefore    second `json:"not_before"`
	NotAfter     second `json:"not_after"`
}

func proofOf(a *webhook.Authentication) *proof {
	if a == nil {
		return nil
	}
	p := &proof{Kinds: a.Kinds()}
	if a.Basic != nil {
		p.Basic = &basicProof{a.Basic.Username}
	}
	if o := a.OAuth2; o != nil {
		p.OAuth2 = &oauth2Proof{TokenURL: o.TokenURL, ClientID: o.ClientID, ClientAuthentication: o.ClientAuthentication, Scopes: o.Scopes, Audience: o.Audience}
		for _, one := range o.Parameters {
			p.OAuth2.Parameters = append(p.OAuth2.Parameters, parameterProof{one.Name})
		}
	}
	if c := a.Certificate; c != nil {
		p.Certificate = &certificateProof{c.Subject, c.Issuer, c.SerialNumber, c.Fingerprint, second(c.NotBefore), second(c.NotAfter)}
	}
	return p
}

// newAuthentication accepts null as none. What an answer shows may be sent back: it changes nothing.
func newAuthentication(to **webhook.AuthenticationPatch) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		*to = nil
		if string(raw) == "null" {
			return ""
		}
		var p webhook.AuthenticationPatch
		problem := ""
		part := func(read func(json.RawMessage) string) func(json.RawMessage) string {
			return func(raw json.RawMessage) string {
				if said := read(raw); said != "" && problem == "" {
					problem = said
				}
				return ""
			}
		}
		err := decode(raw, map[string]func(json.RawMessage) string{
			"basic":       part(set(&p.Basic.Set, newBasic(&p.Basic.Value))),
			"oauth2":      part(set(&p.OAuth2.Set, newOAuth2(&p.OAuth2.Value))),
			"certificate": part(newCertificate(&p.Certificate)),
			"kinds":       told,
		})
		switch {
		case problem != "":
			return problem
		case err != nil:
			return "must be an object with basic, oauth2 and certificate, or null"
		}
		*to = &p
		return ""
	}
}

func newBasic(to **webhook.NewBasic) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		if *to = nil; string(raw) == "null" {
			return ""
		}
		b := &webhook.NewBasic{}
		if decode(raw, map[string]func(json.RawMessage) string{"username": str(&b.Username), "password": text(&b.Password)}) != nil {
			return "must have as basic an object with username and password, or null"
		}
		*to = b
		return ""
	}
}

func newOAuth2(to **webhook.NewOAuth2) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		const wrong = "must have as oauth2 an object with token_url, client_id, client_secret, client_authentication, scopes, audience and parameters, or null"
		if *to = nil; string(raw) == "null" {
			return ""
		}
		o := &webhook.NewOAuth2{}
		err := decode(raw, map[string]func(json.RawMessage) string{
			"token_url": str(&o.TokenURL), "client_id": str(&o.ClientID), "client_secret": text(&o.ClientSecret),
			"client_authentication": optional(str((*string)(&o.ClientAuthentication))),
			"scopes":                strs(&o.Scopes), "audience": text(&o.Audience), "parameters": optional(newParameters(&o.Parameters)),
		})
		if err != nil {
			return wrong
		}
		*to = o
		return ""
	}
}

func newParameters(to *[]*webhook.NewOAuth2Parameter) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil || len(list) > webhook.MaxOAuthParameters {
			return "must be a list"
		}
		for _, one := range list {
			p := &webhook.NewOAuth2Parameter{}
			if decode(one, map[string]func(json.RawMessage) string{"name": str(&p.Name), "value": text(&p.Value)}) != nil {
				return "must be objects with name and value"
			}
			*to = append(*to, p)
		}
		return ""
	}
}

func newCertificate(to *webhook.Opt[*webhook.NewCertificate]) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		if string(raw) == "null" {
			*to = webhook.Some[*webhook.NewCertificate](nil)
			return ""
		}
		c := &webhook.NewCertificate{}
		given := false
		err := decode(raw, map[string]func(json.RawMessage) string{
			"chain": set(&given, str(&c.Chain)), "private_key": set(&given, str(&c.PrivateKey)),
			"subject": told, "issuer": told, "serial_number": told, "fingerprint": told, "not_before": told, "not_after": told,
		})
		if err != nil {
			return "must have as certificate an object with chain and private_key, or null"
		}
		if given {
			*to = webhook.Some(c)
		}
		return ""
	}
}
