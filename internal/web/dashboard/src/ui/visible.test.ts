import { expect, test } from 'vitest';
import { pieces } from './visible';

// Invisible characters, and those that change how their neighbours look, are shown by name; all others stay as they are.
test.each([
  ['plain <b>text</b>\n\tin lines\r\nof HTTP', ['plain <b>text</b>\n\tin lines\r\nof HTTP']],
  ['a\u0000b', ['a', 'U+0000', 'b']],
  ['user\u202egnp.exe', ['user', 'U+202E', 'gnp.exe']],
  ['\u2066\u2069', ['U+2066', 'U+2069']],
  ['a\rb', ['a', 'U+000D', 'b']],
  ['\ufeff{}', ['U+FEFF', '{}']],
  ['\ufffd', ['U+FFFD']],
  ['\u{e0041}', ['U+E0041']],
  ['\x1b[31m', ['U+001B', '[31m']],
  ['😀 é 漢', ['😀 é 漢']],
  ['', []],
])('shows %j', (text, want) => {
  expect(pieces(text).map((piece) => ('text' in piece ? piece.text : piece.code))).toEqual(want);
});
