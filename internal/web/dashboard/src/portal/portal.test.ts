import { expect, test } from 'vitest';
import { accentOf, contrast, parse, type Scheme } from './contrast';
import { codeOf } from './fragment';

const PAPERS = { light: ['#ffffff', '#f5f7fa'], dark: ['#171d29', '#1f2735'] };
const SOFT = { light: '#525d74', dark: '#a9b4c8' };

// Whatever colour a platform chooses, links, buttons and what is chosen can be read in both schemes.
test.each(['light', 'dark'] as Scheme[])('every accent can be read: %s', (scheme) => {
  const bad: string[] = [];
  for (let r = 0; r <= 255; r += 51) {
    for (let g = 0; g <= 255; g += 51) {
      for (let b = 0; b <= 255; b += 51) {
        const color = `#${[r, g, b].map((c) => c.toString(16).padStart(2, '0')).join('')}`;
        const { accent, onAccent, chosen } = accentOf(color, scheme);
        const pairs = [
          ...[...PAPERS[scheme], chosen].map((paper) => [accent, paper] as const),
          [onAccent, accent] as const,
          [SOFT[scheme], chosen] as const,
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
