/** The most characters of a chunk. */
const LENGTH = 16_384;

/** Cuts text into chunks, if possible after a line; else after a comma or a space; never within a character or a line ending. */
export function chunks(text: string): string[] {
  const all: string[] = [];
  let from = 0;
  while (text.length - from > LENGTH) {
    const part = text.slice(from, from + LENGTH);
    const cut = part.lastIndexOf('\n') + 1 || Math.max(part.lastIndexOf(','), part.lastIndexOf(' ')) + 1;
    let length = cut || LENGTH;
    if (/[\ud800-\udbff\r]$/.test(part.slice(0, length))) length--;
    all.push(part.slice(0, length));
    from += length;
  }
  all.push(text.slice(from));
  return all;
}
