import { expect, test } from 'vitest';
import { extended, NO_PAGES, type Page, type Pages, renewed, resumed } from './pages';

interface Row {
  id: string;
  text: string;
}

function page(ids: string, next: string | null, text = ''): Page<Row> {
  return {
    nodes: [...ids].map((id) => ({ id, text })),
    pageInfo: { hasNextPage: next !== null, endCursor: next, searchedTo: null },
  };
}

const list = (...pages: Page<Row>[]): Pages<Row> => pages.reduce<Pages<Row>>(extended, NO_PAGES);
const shown = ({ rows }: Pages<Row>) => rows.map(({ id, text }) => id + text).join(' ');

test('pages follow each other, each row once', () => {
  const two = list(page('dc', 'c'), page('cb', 'b'));
  expect(shown(two)).toBe('d c b');
  expect(two).toMatchObject({ next: 'b', pages: 2 });
  expect(extended(two, page('a', null))).toMatchObject({ next: null, pages: 3 });
});

test('a list that is not held is what was loaded', () => {
  const fresh = list(page('ed', 'd', '!'));
  expect(renewed(list(page('dc', 'c')), fresh, false)).toBe(fresh);
});

test('in a list that is held nothing comes, goes or moves, until it is resumed', () => {
  const held = renewed(list(page('dcb', 'b')), list(page('fed', 'd', '!')), true);
  expect(shown(held)).toBe('d! c b');
  expect(held).toMatchObject({ unseen: 2, next: 'b' });
  const later = renewed(held, list(page('gfe', 'e', '?')), true);
  expect(shown(later)).toBe('d! c b');
  expect(later.unseen).toBe(3);
  expect(shown(resumed(later))).toBe('g? f? e?');
  expect(resumed(later)).toMatchObject({ unseen: 0, waiting: null, next: 'e' });
});

test('another page of a list that is held is of what is shown', () => {
  const held = renewed(list(page('dc', 'c')), list(page('ed', 'd')), true);
  expect(shown(resumed(extended(held, page('ba', null))))).toBe('d c b a');
});

test('at most 1,000 rows are kept', () => {
  let all: Pages<Row> = NO_PAGES;
  for (let n = 0; n < 11; n++) {
    const nodes = Array.from({ length: 100 }, (_, i) => ({ id: `${n}-${i}`, text: '' }));
    all = extended(all, { nodes, pageInfo: { hasNextPage: true, endCursor: `${n}` } });
  }
  expect(all.rows).toHaveLength(1000);
});
