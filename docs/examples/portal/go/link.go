package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

// portalLink returns a link that the customer opens once. Redirect the browser to it, or show it in a frame.
func portalLink(tenant, customer string) (string, error) {
	body, _ := json.Marshal(map[string]any{"label": customer, "scopes": []string{"webhooks:read", "webhooks:write", "deliveries:read", "deliveries:write"}})
	req, err := http.NewRequest(http.MethodPost, os.Getenv("HOOKGRAPH_URL")+"/v1/portal-links", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header = http.Header{"Authorization": {"Bearer " + os.Getenv("HOOKGRAPH_TOKEN")}, "Hookgraph-Tenant": {tenant}, "Content-Type": {"application/json"}}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var link struct{ URL string }
	if err := json.NewDecoder(res.Body).Decode(&link); err != nil || res.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("portal link: %s %w", res.Status, err)
	}
	return link.URL, nil
}
