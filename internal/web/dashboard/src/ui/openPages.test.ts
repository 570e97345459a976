import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CALM_MS, openPages } from './openPages';
import type { Page, Pages } from './pages';

interface Row {
  id: string;
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A list on a server, in pages of two rows, whose responses the test releases. */
function opened(rows: string, { isHeld = (): boolean => false, kept = null as Page<Row> | null } = {}) {
  const server = { rows };
  const asked: { after: string | null; answer(): void }[] = [];
  const shown: string[] = [];
  let changed = () => {};
  const left = vi.fn();
  const pages = openPages<Row>({
    kept: () => kept,
    load: (after) =>
      new Promise((resolve) => {
        const from = after === null ? 0 : server.rows.indexOf(after) + 1;
        const ids = [...server.rows.slice(from, from + 2)];
        const hasNextPage = server.rows.length > from + 2;
        const page = {
          nodes: ids.map((id) => ({ id })),
          pageInfo: { hasNextPage, endCursor: ids.at(-1) ?? null },
        };
        asked.push({ after, answer: () => resolve({ page, error: undefined }) });
      }),
    watch(soon) {
      changed = soon;
      return left;
    },
    isHeld,
    show: (list: Pages<Row>) => shown.push(list.rows.map(({ id }) => id).join('') + list.unseen),
    setLoading() {},
    setError() {},
  });
  return {
    pages,
    server,
    shown,
    asked,
    left,
    changed: () => changed(),
    async answer() {
      asked.shift()?.answer();
      await vi.advanceTimersByTimeAsync(0);
    },
    pass: () => vi.advanceTimersByTimeAsync(10 * CALM_MS),
  };
}

test('a change while the list is loaded has it loaded once more', async () => {
  const { server, shown, asked, changed, answer, pass } = opened('ba');
  changed();
  await pass();
  server.rows = 'cba';
  await answer();
  expect(shown).toEqual(['ba0']);
  await pass();
  await answer();
  expect(shown).toEqual(['ba0', 'cb0']);
  await pass();
  expect(asked).toEqual([]);
});

test('all pages that are loaded are kept current', async () => {
  const { pages, server, shown, changed, answer, pass } = opened('dcba');
  await answer();
  void pages.more();
  await answer();
  expect(shown.at(-1)).toBe('dcba0');
  server.rows = 'edcba';
  changed();
  await pass();
  await answer();
  await answer();
  expect(shown.at(-1)).toBe('edcb0');
});

test('while it is held, what is new waits, and comes in when it is resumed', async () => {
  const { pages, server, shown, changed, answer, pass } = opened('ba', { isHeld: () => true });
  await answer();
  server.rows = 'cba';
  changed();
  await pass();
  await answer();
  expect(shown).toEqual(['ba0', 'ba1']);
  pages.resume();
  expect(shown.at(-1)).toBe('cb0');
});

test('another page has an answer of before dropped', async () => {
  const { pages, shown, asked, changed, answer, pass } = opened('dcba');
  await answer();
  changed();
  await pass();
  const old = asked.shift();
  void pages.more();
  await answer();
  expect(shown.at(-1)).toBe('dcba0');
  old?.answer();
  await vi.advanceTimersByTimeAsync(0);
  expect(shown.at(-1)).toBe('dcba0');
  // The changed page is fetched again.
  await pass();
  expect(asked).toHaveLength(1);
});

test('what was shown before is shown at once', async () => {
  const kept = { nodes: [{ id: 'a' }], pageInfo: { hasNextPage: false } };
  const { shown, answer } = opened('ba', { kept });
  expect(shown).toEqual(['a0']);
  await answer();
  expect(shown).toEqual(['a0', 'ba0']);
});

test('after it was closed nothing is shown or asked', async () => {
  const { pages, shown, asked, left, changed, answer, pass } = opened('ba');
  pages.close();
  await answer();
  changed();
  await pass();
  expect(shown).toEqual([]);
  expect(asked).toEqual([]);
  expect(left).toHaveBeenCalledOnce();
});
