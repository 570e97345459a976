// Where the server is: the page's own path below it may have any depth, and a proxy may have put a path before it.

// In a variable, or Vite takes the URL for that of a file to bundle.
const module = import.meta.url;

/** The address that the server's paths are relative to; it ends with a slash. */
export const BASE = import.meta.env.DEV ? new URL('/', location.href) : new URL('..', module);

export const GRAPHQL = new URL('graphql', BASE);

export const GRAPHQL_SOCKET = Object.assign(new URL(GRAPHQL), {
  protocol: GRAPHQL.protocol === 'https:' ? 'wss:' : 'ws:',
});

/** What the router's paths are relative to: without a slash at the end. */
export const BASE_PATH = BASE.pathname.replace(/\/$/, '');
