// Publishers' JSON passes through the page unchanged: JSON.parse and JSON.stringify would change numbers, escapes and repeated keys.

import { inTime } from './inTime';

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/g;

/** Aliases with which queries request JSON as its text: `exactData: data`. */
const NAME = /^"exact[A-Z]\w*"$/;

/** A response in which members with such names have the text of their value as a string. */
export function quoteExact(answer: string): string {
  const out: string[] = [];
  let from = 0;
  let before = '';
  let start = -1;
  let depth = 0;
  for (const { 0: token, index } of answer.matchAll(TOKEN)) {
    if (token === ':' && NAME.test(before)) {
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
    // Names within a value have no meaning.
    before = start >= 0 ? '' : token;
  }
  out.push(answer.slice(from));
  return out.join('');
}

/** For the context of an operation that requests JSON as its text. */
export const EXACT: { fetch: typeof fetch } = {
  async fetch(input, init) {
    const response = await inTime(input, init);
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
        inTime(input, { ...init, body: String(init?.body).replace(JSON.stringify(standIn), () => text) }),
    },
  };
}
