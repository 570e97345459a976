// Formats JSON without parsing it: every token stays as it was sent, including numbers, escapes and repeated keys.

const TOKEN = /\s+|"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/gy;

/** Text that is nested more deeply is left unchanged. */
const MAX_DEPTH = 200;

/** How many tokens are laid out between two chances to stop. */
const STEP = 1000;

/** The text with line breaks and indentation between its tokens, in steps; null if it does not look like an object or an array. */
export function* laidOut(text: string): Generator<void, string | null> {
  if (!/^\s*[{[]/.test(text)) return null;
  let done = '';
  let out: string[] = [];
  const open: string[] = [];
  const line = () => `\n${'  '.repeat(open.length)}`;
  let last = '';
  let at = 0;
  for (let step = 1; at < text.length; step++) {
    if (step % STEP === 0) {
      done += out.join('');
      out = [];
      yield;
    }
    TOKEN.lastIndex = at; // other texts are laid out between two steps
    const token = TOKEN.exec(text)?.[0];
    if (token === undefined) return null;
    at += token.length;
    if (/^\s/.test(token)) continue;
    if (last !== '' && open.length === 0) return null; // more than one value
    if (token === '{' || token === '[') {
      if (open.length >= MAX_DEPTH) return null;
      if (last === '[' || last === '{') out.push(line());
      out.push(token);
      open.push(token);
    } else if (token === '}' || token === ']') {
      if (open.pop() !== (token === '}' ? '{' : '[')) return null;
      if (last !== '{' && last !== '[') out.push(line());
      out.push(token);
    } else if (token === ',') {
      out.push(token, line());
    } else if (token === ':') {
      out.push(': ');
    } else {
      if (last === '[' || last === '{') out.push(line());
      out.push(token);
    }
    last = token;
  }
  return open.length === 0 ? done + out.join('') : null;
}
