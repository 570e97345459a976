import { expect, test } from 'vitest';
import { type View, withView } from './views';

// A name is unique; beyond the limit the oldest view is dropped; without a name nothing is saved.
test('saves views', () => {
  const one = withView([], { name: ' Failed ', q: 'status:failed' });
  expect(one).toEqual([{ name: 'Failed', q: 'status:failed' }]);
  expect(withView(one, { name: 'Failed', q: 'status:held' })).toEqual([{ name: 'Failed', q: 'status:held' }]);
  expect(withView(one, { name: ' ', q: 'x' })).toEqual(one);
  let views: View[] = [];
  for (let i = 0; i < 40; i++) views = withView(views, { name: `view ${i}`, q: '' });
  expect(views).toHaveLength(30);
  expect(views[0]?.name).toBe('view 10');
});
