import { expect, test } from 'vitest';
import { backlogOver } from './backlog';

function bucket(created: number, succeeded: number, failed = 0, canceled = 0) {
  return { values: { created, succeeded, failed, canceled } };
}

// What waits now and what was counted tell what waited then; it is never less than nothing.
test('goes back from what waits now', () => {
  expect(backlogOver([bucket(10, 2), bucket(5, 1, 1, 1), bucket(0, 9)], 1)).toEqual([8, 10, 1]);
  expect(backlogOver([bucket(0, 0), bucket(3, 0)], 1)).toEqual([0, 1]);
  expect(backlogOver([], 7)).toEqual([]);
});
