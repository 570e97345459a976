// JSON of publishers passes the page as it was written: JSON.parse and JSON.stringify would change numbers, escapes and repeated keys.

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/g;

/** The name under which queries ask for JSON that is to come as its text: `exactData: data`. */
const NAME = '"exactData"';

/** An answer in which the values of members named exactData are strings that hold the text of the value. */
export function quoteExact(answer: string): string {
  const out: string[] = [];
  let from = 0;
  let before = '';
  let start = -1;
  let depth = 0;
  for (const { 0: token, index } of answer.matchAll(TOKEN)) {
    if (before === NAME && token === ':') {
      start = index + 1;
      depth = 0;
    } else if (start >= 0) {
      if (token === '{' || token === '[') depth++;
      else if (token === '}' || token === ']') depth--;
      if (depth === 0) {
        const end = index + token.length;
        out.push(answer.slice(from, start), JSON.stringify(answer.slice(start, end).trim()));
        from = end;
        start = -1;
      }
    }
    // Within a value, names mean nothing.
    before = start >= 0 ? '' : token;
  }
  out.push(answer.slice(from));
  return out.join('');
}

/** For the context of an operation that asks for exactData. */
export const EXACT: { fetch: typeof fetch } = {
  async fetch(input, init) {
    const response = await fetch(input, init);
    const { status, statusText, headers } = response;
    return new Response(quoteExact(await response.text()), { status, statusText, headers });
  },
};

/** A stand-in for JSON text in variables, and the context that sends the text in its place. The text must be valid JSON. */
export function exactly(text: string): { standIn: string; context: { fetch: typeof fetch } } {
  const standIn = `exact text ${Math.random()}`;
  return {
    standIn,
    context: {
      fetch: (input, init) =>
        fetch(input, { ...init, body: String(init?.body).replace(JSON.stringify(standIn), () => text) }),
    },
  };
}
