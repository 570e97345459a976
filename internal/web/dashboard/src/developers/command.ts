/** A word of a command for a POSIX shell. Control characters are left out, since a terminal would act on them. */
export function quoted(word: string): string {
  const plain = word.replace(/\p{Cc}/gu, '');
  return /^[\w@%+=:,./-]+$/.test(plain) ? plain : `'${plain.replaceAll("'", `'\\''`)}'`;
}

export interface Listening {
  /** The server's address. */
  server: string;
  /** The tenant that an operator acts for; "" for that of the token. */
  tenant: string;
  forward: string;
  webhook: string;
  /** Event types, separated by spaces or commas. */
  events: string;
  since: string;
}

/** The command that forwards deliveries to a machine. The token is not in it: the command reads it from HOOKGRAPH_TOKEN. */
export function listenCommand({ server, tenant, forward, webhook, events, since }: Listening): string {
  return [
    `HOOKGRAPH_URL=${quoted(server)}`,
    tenant && `HOOKGRAPH_TENANT=${quoted(tenant)}`,
    'hookgraph listen',
    `--forward=${quoted(forward)}`,
    webhook && `--webhook=${quoted(webhook)}`,
    ...events.split(/[\s,]+/).map((type) => type && `--type=${quoted(type)}`),
    since && `--since=${quoted(since)}`,
  ]
    .filter(Boolean)
    .join(' ');
}
