// Publishers' JSON passes through the page unchanged: JSON.parse and JSON.stringify would change numbers, escapes and repeated keys.

import { afterString } from '../ui/tree';
import { inTime } from './inTime';

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/g;

/** Aliases with which queries request JSON as its text: `exactData: data`. */
const NAME = /^"exact[A-Z]\w*"$/;

/** A response in which members with such names have the text of their value as a string. */
export function quoteExact(answer: string): string {
  const out: string[] = [];
  let from = 0;
  let before = '';
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(answer); match; match = TOKEN.exec(answer)) {
    const token = match[0];
    if (token === ':' && NAME.test(before)) {
      const start = TOKEN.lastIndex;
      const end = afterValue(answer, start);
      out.push(answer.slice(from, start), JSON.stringify(answer.slice(start, end).trim()));
      from = end;
      TOKEN.lastIndex = end; // names within a value have no meaning
    }
    before = token;
  }
  out.push(answer.slice(from));
  return out.join('');
}

/** Where a value of JSON ends. It makes no match for each token: values may have a million. */
function afterValue(text: string, start: number): number {
  let depth = 0;
  let begun = false;
  for (let at = start; at < text.length; at++) {
    const c = text[at];
    if (c === '"') {
      at = afterString(text, at) - 1;
      if (at < 0) return text.length;
      if (depth === 0) return at + 1;
    } else if (c === '{' || c === '[') depth++;
    else if (c === '}' || c === ']') {
      if (depth === 0) return at; // after a word
      if (--depth === 0) return at + 1;
    } else if (depth === 0) {
      const space = c === ' ' || c === '\n' || c === '\r' || c === '\t';
      if (begun && (space || c === ',')) return at;
      begun ||= !space;
    }
  }
  return text.length;
}

/** For the context of an operation that requests JSON as its text. */
export const EXACT: { fetch: typeof fetch } = {
  async fetch(input, init) {
    const response = await inTime(input, init);
    const { status, statusText, headers } = response;
    return new Response(quoteExact(await response.text()), { status, statusText, headers });
  },
};

/** A stand-in for JSON text in variables, those for other texts, and the context that sends the texts in their place. The texts must be valid JSON. */
export function exactly(
  text: string,
  ...others: string[]
): { standIn: string; others: string[]; context: { fetch: typeof fetch } } {
  const standIn = `exact text ${Math.random()}`;
  const standIns = [standIn, ...others.map((_, i) => `${standIn} ${i}`)];
  const texts = new Map([text, ...others].map((text, i) => [JSON.stringify(standIns[i]), text]));
  const inPlace = (body: string) => body.replace(/"exact text [^"]*"/g, (found) => texts.get(found) ?? found);
  return {
    standIn,
    others: standIns.slice(1),
    context: { fetch: (input, init) => inTime(input, { ...init, body: inPlace(String(init?.body)) }) },
  };
}
