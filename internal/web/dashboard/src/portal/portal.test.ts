import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { accentOf, contrast, parse, SCHEMES, type Scheme } from './contrast';
import { codeOf } from './fragment';

// The colours that accents are measured against are those of the page.
test('papers and inks are those of look.css', () => {
  const look = readFileSync(new URL('../../../graphiql/src/look.css', import.meta.url), 'utf8');
  for (const name of ['paper', 'raised', 'soft'] as const) {
    const pair = `light-dark(${SCHEMES.light[name]}, ${SCHEMES.dark[name]})`;
    expect(look).toContain(`--${name}: ${pair};`);
  }
});

// Whatever colour a platform chooses, links, buttons and what is chosen can be read in both schemes.
test.each(['light', 'dark'] as Scheme[])('every accent can be read: %s', (scheme) => {
  const bad: string[] = [];
  const { paper, raised, soft } = SCHEMES[scheme];
  for (let r = 0; r <= 255; r += 51) {
    for (let g = 0; g <= 255; g += 51) {
      for (let b = 0; b <= 255; b += 51) {
        const color = `#${[r, g, b].map((c) => c.toString(16).padStart(2, '0')).join('')}`;
        const { accent, onAccent, chosen } = accentOf(color, scheme);
        const pairs = [
          ...[paper, raised, chosen].map((paper) => [accent, paper] as const),
          [onAccent, accent] as const,
          [soft, chosen] as const,
        ];
        if (pairs.some(([a, b]) => contrast(parse(a), parse(b)) < 4.5)) bad.push(color);
      }
    }
  }
  expect(bad).toEqual([]);
});

test('a colour that can be read stays as it is', () => {
  expect(accentOf('#0f766e', 'light').accent).toBe('#0f766e');
  expect(accentOf('#5eead4', 'dark').accent).toBe('#5eead4');
  expect(contrast(parse('#ffffff'), parse('#000000'))).toBeCloseTo(21);
});

// Only a link's code is one.
test.each([
  ['#hgl_abc-DEF_1', 'hgl_abc-DEF_1'],
  ['#', null],
  ['', null],
  ['#main', null],
  ['#token=hg_x', null],
])('the code in %j', (hash, code) => {
  expect(codeOf(hash)).toBe(code);
});
