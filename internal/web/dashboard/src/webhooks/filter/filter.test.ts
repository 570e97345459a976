import { expect, test } from 'vitest';
import { filterText, recentText } from './filter';

test('no filter is null', () => {
  expect(filterText(' \n')).toBe('null');
  expect(filterText('{"tags": 1.0}')).toBe('{"tags": 1.0}');
});

test.each([
  [37, 100, '37 of the last 100 events match.'],
  [1, 2, '1 of the last 2 events matches.'],
  [2, 2, 'All of the last 2 events match.'],
  [0, 2, 'None of the last 2 events match.'],
  [1, 1, 'It matches the last event.'],
  [0, 1, 'It does not match the last event.'],
  [0, 0, 'No event of these types is stored to try it on.'],
])('%s of %s in words', (matched, of, text) => {
  expect(recentText({ matchedOfRecent: { matched, of } })).toBe(text);
});
