interface Request {
  url: string;
  headers: readonly { name: string; value: string }[];
  body: string;
}

/** The request as a command for a shell. */
export function curl({ url, headers, body }: Request): string {
  return [
    `curl --request POST --url ${quote(url)}`,
    ...headers.map(({ name, value }) => `--header ${quote(`${name}: ${value}`)}`),
    `--data-raw ${quote(body)}`,
  ].join(' \\\n  ');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
