package gqlhttp

import (
	"mime"
	"strconv"
	"strings"
)

const (
	mediaGraphQL = "application/graphql-response+json"
	mediaJSON    = "application/json"
	mediaEvents  = "text/event-stream"
)

// accept is what a client accepts: a JSON response of one media type ("" for none), a stream of events, or both. With both, it
// gets events for a subscription, as clients that list every type expect.
type accept struct {
	json   string
	events bool
}

// negotiate reads Accept (RFC 9110, section 12.5.1). Wildcards and a missing header mean application/json, as GraphQL over HTTP
// section 5.2.1 recommends for servers with older clients, and never events.
func negotiate(header []string) (accept, bool) {
	ranges := strings.Split(strings.Join(header, ","), ",")
	quality := map[string]float64{} // of the media ranges named
	named := false
	for _, r := range ranges {
		if strings.TrimSpace(r) == "" {
			continue
		}
		named = true
		media, params, err := mime.ParseMediaType(r)
		if err != nil {
			continue
		}
		if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
			continue
		}
		q := 1.0
		if s, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(s, 64); err != nil {
				continue
			}
		}
		quality[media] = max(quality[media], q)
		if q == 0 {
			quality[media] = 0
		}
	}
	if !named {
		return accept{json: mediaJSON}, true
	}
	wildcard := max(quality["*/*"], quality["application/*"])
	of := func(media string) float64 {
		if q, ok := quality[media]; ok {
			return q
		}
		return 0
	}
	json, graphql := of(mediaJSON), of(mediaGraphQL)
	if _, ok := quality[mediaJSON]; !ok {
		json = wildcard
	}
	a := accept{events: of(mediaEvents) > 0}
	switch {
	case graphql > 0 && graphql >= json:
		a.json = mediaGraphQL
	case json > 0:
		a.json = mediaJSON
	}
	return a, a.json != "" || a.events
}
