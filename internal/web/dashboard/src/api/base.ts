// The server's address: the page's path below it may have any depth, and a proxy may add a path prefix.

// A variable, because Vite would treat a literal as the URL of a file to bundle.
const module = import.meta.url;

/** The address that the server's paths are relative to; it ends with a slash. */
export const BASE = import.meta.env.DEV ? new URL('/', location.href) : new URL('..', module);

export const GRAPHQL = new URL('graphql', BASE);

export const GRAPHQL_SOCKET = Object.assign(new URL(GRAPHQL), {
  protocol: GRAPHQL.protocol === 'https:' ? 'wss:' : 'ws:',
});

/** The base of the router's paths, without a trailing slash. */
export const BASE_PATH = BASE.pathname.replace(/\/$/, '');
