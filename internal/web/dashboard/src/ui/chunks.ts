/** The most characters of a chunk that ends with a line. */
const LENGTH = 16_384;

/**
 * The most characters of a chunk. A line is not cut up to this length, which is that of a response at most: the browser's search does not find
 * what begins in one chunk and ends in the next.
 */
const LINE = 65_536;

/** Cuts text into chunks, if possible after a line; else after a comma or a space; never within a character or a line ending. */
export function chunks(text: string): string[] {
  const all: string[] = [];
  let from = 0;
  while (text.length - from > LENGTH) {
    const length = lengthOf(text.slice(from, from + LINE));
    all.push(text.slice(from, from + length));
    from += length;
  }
  if (from < text.length || from === 0) all.push(text.slice(from));
  return all;
}

/** The length of the first chunk of a part that begins with it, and is as long as the longest chunk unless the text ends before. */
function lengthOf(part: string): number {
  const line = part.lastIndexOf('\n', LENGTH - 1) + 1 || part.indexOf('\n') + 1;
  if (line > 0) return line;
  if (part.length < LINE) return part.length;
  const length = Math.max(part.lastIndexOf(','), part.lastIndexOf(' ')) + 1 || LINE;
  return /[\ud800-\udbff\r]$/.test(part.slice(0, length)) ? length - 1 : length;
}
