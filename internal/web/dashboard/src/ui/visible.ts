// Untrusted text is shown exactly: invisible characters, and those that change how their neighbours look, are shown by name.

export type Piece = { text: string } | { code: string; name: string };

const NAMES: Record<number, string> = {
  0: 'NUL',
  7: 'BEL',
  8: 'backspace',
  9: 'tab',
  10: 'line feed',
  13: 'carriage return',
  27: 'escape',
  32: 'space',
  127: 'delete',
  173: 'soft hyphen',
  8203: 'zero-width space',
  8204: 'zero-width non-joiner',
  8205: 'zero-width joiner',
  8206: 'left-to-right mark',
  8207: 'right-to-left mark',
  8232: 'line separator',
  8233: 'paragraph separator',
  8234: 'left-to-right embedding',
  8235: 'right-to-left embedding',
  8236: 'pop directional formatting',
  8237: 'left-to-right override',
  8238: 'right-to-left override',
  8288: 'word joiner',
  8294: 'left-to-right isolate',
  8295: 'right-to-left isolate',
  8296: 'first strong isolate',
  8297: 'pop directional isolate',
  65279: 'byte order mark',
  65533: 'not UTF-8',
};

// All characters of the categories Cc (except tab and line feed), Cf, Zl, Zp, lone surrogates, tags and the replacement character.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\ufffd]/gu;

/** Splits text at invisible characters; with all, at tabs and line ends too, and at spaces if it has nothing else. */
export function pieces(text: string, all = false): Piece[] {
  const found: Piece[] = [];
  let from = 0;
  const hidden = all && /^ +$/.test(text) ? / /g : HIDDEN;
  for (const match of text.matchAll(hidden)) {
    const character = match[0];
    if (!all && (character === '\n' || character === '\t')) continue;
    // CRLF, the line ending of HTTP.
    if (!all && character === '\r' && text[match.index + 1] === '\n') continue;
    if (match.index > from) found.push({ text: text.slice(from, match.index) });
    const point = character.codePointAt(0) ?? 0;
    const code = `U+${point.toString(16).toUpperCase().padStart(4, '0')}`;
    found.push({ code, name: NAMES[point] ?? 'control character' });
    from = match.index + character.length;
  }
  if (from < text.length) found.push({ text: text.slice(from) });
  return found;
}
