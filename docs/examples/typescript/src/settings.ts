/** The server and the token. A browser gets both from its own backend: a token is a secret. */
export const server = process.env['HOOKGRAPH_URL'] ?? 'http://127.0.0.1:8080';
export const token = process.env['HOOKGRAPH_TOKEN'] ?? '';
