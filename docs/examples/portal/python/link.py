import json
import os
import urllib.request


def portal_link(tenant, customer):
    """Returns a link that the customer opens once. Redirect the browser to it, or show it in a frame."""
    body = {"label": customer, "scopes": ["webhooks:read", "webhooks:write", "deliveries:read", "deliveries:write"]}
    headers = {"Authorization": "Bearer " + os.environ["HOOKGRAPH_TOKEN"], "Hookgraph-Tenant": tenant, "Content-Type": "application/json"}
    request = urllib.request.Request(os.environ["HOOKGRAPH_URL"] + "/v1/portal-links", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as response:  # raises on any other status
        return json.load(response)["url"]
