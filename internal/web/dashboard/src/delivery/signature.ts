interface Request {
  headers: readonly { name: string; value: string }[];
  signedBy: readonly string[];
  body: string;
}

function headerOf({ headers }: Request, wanted: string): string | undefined {
  return headers.find(({ name }) => name.toLowerCase() === wanted)?.value;
}

/** The text that was signed, as Standard Webhooks has it: the ID, the timestamp and the body, joined by dots. Null without a signature. */
export function signedContent(request: Request): string | null {
  const id = headerOf(request, 'webhook-id');
  const timestamp = headerOf(request, 'webhook-timestamp');
  if (id === undefined || timestamp === undefined || request.signedBy.length === 0) return null;
  return `${id}.${timestamp}.${request.body}`;
}

/** Each signature with the ID of the secret that made it: they are in the same order. */
export function signatures(request: Request): { secret: string; signature: string }[] {
  const all = headerOf(request, 'webhook-signature')?.split(' ') ?? [];
  return request.signedBy.map((secret, i) => ({ secret, signature: all[i] ?? '' }));
}
