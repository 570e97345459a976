import { expect, test } from 'vitest';
import { savedVersion, saveOver } from './versions';

// Forms that have read the same version save one after the other, each over what the one before has saved, and none over what someone else did.
test('two forms of a page', async () => {
  const saved: string[] = [];
  const save = (to: string | undefined) => async (ifUpdatedAt: string) => {
    saved.push(ifUpdatedAt);
    return to;
  };
  const read = { id: 'a', updatedAt: '1' };
  const all = [saveOver(read, save('2')), saveOver(read, save('3')), saveOver(read, save(undefined))];
  expect(await Promise.all(all)).toEqual([true, true, false]);
  expect(saved).toEqual(['1', '2', '3']);
  await saveOver({ id: 'a', updatedAt: '2' }, save('3')); // nothing has changed
  await saveOver({ id: 'b', updatedAt: '1' }, save('2')); // another webhook
  await saveOver({ id: 'a', updatedAt: 'theirs' }, save('4'));
  expect(saved.slice(3)).toEqual(['3', '1', 'theirs']);
  await expect(saveOver(read, () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(await saveOver(read, save('5'))).toBe(true);
});

// What a conflict answers is not what was saved here.
test('a conflict saves nothing', () => {
  const webhook = { updatedAt: '2' };
  expect(savedVersion({ webhook, userErrors: [] })).toBe('2');
  expect(savedVersion({ webhook, userErrors: [{ code: 'CONFLICT' }] })).toBeUndefined();
  expect(savedVersion(null)).toBeUndefined();
});
