// portalLink returns a link that the customer opens once. Redirect the browser to it, or show it in a frame.
export async function portalLink(tenant, customer) {
  const res = await fetch(`${process.env.HOOKGRAPH_URL}/v1/portal-links`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${process.env.HOOKGRAPH_TOKEN}`, 'Hookgraph-Tenant': tenant, 'Content-Type': 'application/json' },
    body: JSON.stringify({ label: customer, scopes: ['webhooks:read', 'webhooks:write', 'deliveries:read', 'deliveries:write'] }),
  });
  if (res.status !== 201) throw new Error(`portal link: ${res.status} ${await res.text()}`);
  return (await res.json()).url;
}
